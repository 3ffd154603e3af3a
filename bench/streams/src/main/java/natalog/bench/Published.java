package natalog.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;

/** A record's schema and the ten bytes a value of it begins with (Avro single-object encoding). */
final class Published {
    static final int HEADER = 10;
    final Schema schema;
    final byte[] header;

    Published(Path schemas, String name) {
        try {
            schema = new Schema.Parser().parse(schemas.resolve(name + ".avsc").toFile());
        } catch (IOException fault) {
            throw new UncheckedIOException(fault);
        }
        header = ByteBuffer.allocate(HEADER)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put((byte) 0xC3)
                .put((byte) 1)
                .putLong(SchemaNormalization.parsingFingerprint64(schema))
                .array();
    }

    boolean begins(byte[] value) {
        return value != null
                && value.length > HEADER
                && Arrays.equals(value, 0, HEADER, header, 0, HEADER);
    }
}
