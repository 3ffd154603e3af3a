package natalog.bench;

import java.util.Arrays;
import org.apache.kafka.common.utils.Utils;

/** Whether a record lies where its content belongs. */
final class Routing {
    private static final int PARTITIONS = 12;

    static boolean isMisrouted(byte[] key, byte[] demanded, int partition) {
        return !Arrays.equals(key, demanded)
                || (Utils.murmur2(key) & 0x7fffffff) % PARTITIONS != partition;
    }

    private Routing() {}
}
