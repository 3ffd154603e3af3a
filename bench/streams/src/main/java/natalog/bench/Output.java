package natalog.bench;

import java.util.Arrays;

/** A growing buffer with Avro's and LEB128's numbers. */
final class Output {
    private byte[] buffer = new byte[2048];
    private int size;

    void reset() {
        size = 0;
    }

    byte[] toBytes() {
        return Arrays.copyOf(buffer, size);
    }

    void octet(int value) {
        room(1);
        buffer[size++] = (byte) value;
    }

    /** LEB128. */
    void unsigned(long value) {
        room(10);
        while ((value & ~0x7fL) != 0) {
            buffer[size++] = (byte) (value & 0x7f | 0x80);
            value >>>= 7;
        }
        buffer[size++] = (byte) value;
    }

    /** Avro's long and int. */
    void zigzag(long value) {
        unsigned(value << 1 ^ value >> 63);
    }

    void bytes(byte[] raw) {
        room(raw.length);
        System.arraycopy(raw, 0, buffer, size, raw.length);
        size += raw.length;
    }

    private void room(int more) {
        if (size + more > buffer.length) {
            buffer = Arrays.copyOf(buffer, Math.max(buffer.length * 2, size + more));
        }
    }
}
