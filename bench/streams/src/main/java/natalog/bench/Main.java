package natalog.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler;
import org.apache.kafka.streams.state.Stores;

/**
 * Decides birth.registrations as the registrar does and writes the same entries to a ledger of its own.
 *
 * <p>Arguments are name=value: bootstrap, application, output, state (directory), schemas (directory), codec
 * (slice|generic), threads, commit (ms), linger (ms), offsets (earliest|latest). Prints READY once it runs. Lines on
 * standard input: pause, resume; its end ends the program.
 */
public final class Main {
    static final String INPUT = "birth.registrations";

    public static void main(String[] arguments) throws Exception {
        Map<String, String> given = new HashMap<>();
        for (String argument : arguments) {
            int at = argument.indexOf('=');
            given.put(argument.substring(0, at), argument.substring(at + 1));
        }
        Path schemas = Path.of(given.get("schemas"));
        boolean generic = given.get("codec").equals("generic");

        Topology topology = new Topology();
        topology.addSource("intake", new ByteArrayDeserializer(), new ByteArrayDeserializer(), INPUT);
        topology.addProcessor(
                "registrar",
                () -> new RegistrarProcessor(generic ? new GenericCodec(schemas) : new SliceCodec(schemas)),
                "intake");
        // Its changelog is how Kafka Streams keeps state through a crash: on, as by default. Caching: off.
        topology.addStateStore(
                Stores.keyValueStoreBuilder(
                                Stores.persistentKeyValueStore(RegistrarProcessor.STORE),
                                Serdes.ByteArray(),
                                Serdes.ByteArray())
                        .withCachingDisabled(),
                "registrar");
        topology.addSink(
                "ledger", given.get("output"), new ByteArraySerializer(), new ByteArraySerializer(), "registrar");

        KafkaStreams streams = new KafkaStreams(topology, settings(given));
        CountDownLatch running = new CountDownLatch(1);
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.RUNNING) {
                running.countDown();
            }
        });
        streams.setUncaughtExceptionHandler(fault -> {
            fault.printStackTrace();
            Runtime.getRuntime().halt(1);
            return StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.start();
        running.await();
        System.out.println("READY");
        obey(streams);
        streams.close(Duration.ofSeconds(10));
    }

    private static Properties settings(Map<String, String> given) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, given.get("application"));
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, given.get("bootstrap"));
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, given.get("commit"));
        settings.put(StreamsConfig.STATE_DIR_CONFIG, given.get("state"));
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, given.get("threads"));
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, "1"); // one node
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, given.get("offsets"));
        // Tuned where it helps: larger fetches, polls and batches than the defaults; lz4 as the registrar has it.
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), "4000");
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), "4194304");
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), "240000");
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG), "134217728");
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), given.get("linger"));
        // As the registrar's producer: back-to-back transactions otherwise wait out CONCURRENT_TRANSACTIONS.
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.RETRY_BACKOFF_MS_CONFIG), "2");
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.RETRY_BACKOFF_MAX_MS_CONFIG), "5");
        return settings;
    }

    private static void obey(KafkaStreams streams) throws IOException {
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String command = commands.readLine(); command != null; command = commands.readLine()) {
            if (command.equals("pause")) {
                streams.pause();
            } else if (command.equals("resume")) {
                streams.resume();
            }
        }
    }

    private Main() {}
}
