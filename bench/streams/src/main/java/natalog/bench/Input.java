package natalog.bench;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** A position in a value, with Avro's and LEB128's numbers. The end met early is an IndexOutOfBoundsException. */
final class Input {
    final byte[] data;
    int at;

    Input(byte[] data, int at) {
        this.data = data;
        this.at = at;
    }

    long unsigned() {
        long octet = data[at++];
        long value = octet & 0x7f;
        for (int shift = 7; octet < 0; shift += 7) {
            octet = data[at++];
            value |= (octet & 0x7f) << shift;
        }
        return value;
    }

    long zigzag() {
        long n = unsigned();
        return n >>> 1 ^ -(n & 1);
    }

    /** Whether a union of null with one type holds the type. */
    boolean there() {
        return data[at++] != 0;
    }

    boolean flag() {
        return data[at++] != 0;
    }

    byte[] fixed(int size) {
        at += size;
        return Arrays.copyOfRange(data, at - size, at);
    }

    String text(int size) {
        at += size;
        return new String(data, at - size, size, StandardCharsets.UTF_8);
    }

    String string() {
        return text((int) zigzag());
    }

    String optionalString() {
        return there() ? string() : null;
    }

    void skipString() {
        int size = (int) zigzag();
        at += size;
    }

    void skipOptionalLong() {
        if (there()) {
            unsigned();
        }
    }

    void skipOptionalString() {
        if (there()) {
            skipString();
        }
    }
}
