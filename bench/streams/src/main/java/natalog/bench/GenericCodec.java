package natalog.bench;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;

/** Apache Avro's generic records, as most Kafka Streams programs use them; content is hashed by encoding it anew. */
final class GenericCodec implements Codec {
    private static final Set<String> LEFT_OUT = Set.of("sealed", "key_id", "submitter", "attempted_at", "observed_at");

    private final Published filing;
    private final Published claim;
    private final Published entry;
    private final GenericDatumReader<GenericRecord> filingReader;
    private final GenericDatumReader<GenericRecord> claimReader;
    private final GenericDatumWriter<GenericRecord> entryWriter;
    private final List<Schema> inputs;
    private final Part[] filingParts;
    private final Part[] claimParts;
    private final MessageDigest digest;
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream(2048);
    private BinaryDecoder decoder;
    private BinaryEncoder encoder;

    /** A field that belongs to the content. */
    private record Part(int place, GenericDatumWriter<Object> writer) {}

    GenericCodec(Path schemas) {
        filing = new Published(schemas, "Filing");
        claim = new Published(schemas, "Claim");
        entry = new Published(schemas, "Entry");
        filingReader = new GenericDatumReader<>(filing.schema);
        claimReader = new GenericDatumReader<>(claim.schema);
        entryWriter = new GenericDatumWriter<>(entry.schema);
        inputs = entry.schema.getField("input").schema().getTypes();
        filingParts = parts(filing.schema);
        claimParts = parts(claim.schema);
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private static Part[] parts(Schema schema) {
        return schema.getFields().stream()
                .filter(field -> !LEFT_OUT.contains(field.name()))
                .map(field -> new Part(field.pos(), new GenericDatumWriter<>(field.schema())))
                .toArray(Part[]::new);
    }

    @Override
    public Command read(byte[] value) {
        try {
            decoder = DecoderFactory.get()
                    .binaryDecoder(value, Published.HEADER, value.length - Published.HEADER, decoder);
            if (filing.begins(value)) {
                return filing(filingReader.read(null, decoder));
            }
            if (claim.begins(value)) {
                GenericRecord record = claimReader.read(null, decoder);
                Command command = start(record);
                command.content = content("Claim\0", record, claimParts);
                return command;
            }
            throw new UnsupportedOperationException("the benchmark has claims and filings only");
        } catch (IOException fault) {
            throw new UncheckedIOException(fault);
        }
    }

    private static Command start(GenericRecord record) {
        Command command = new Command();
        command.eventId = ((GenericFixed) record.get("event_id")).bytes();
        command.number = text(record.get("certificate_number"));
        command.unitCode = record.get("unit_code").toString();
        for (Object role : (List<?>) ((GenericRecord) record.get("submitter")).get("roles")) {
            command.roles |= Command.roleBit(role.toString());
        }
        return command;
    }

    private Command filing(GenericRecord record) throws IOException {
        Command command = start(record);
        command.isFiling = true;
        command.registrationId = record.get("registration_id").toString();
        command.registeredAt = (Long) record.get("registered_at");
        command.registeredOn = (Integer) record.get("registered_on");
        command.category = record.get("category").toString();
        command.householdKind = text(record.get("household_kind"));
        command.relationToHead = text(record.get("relation_to_head"));
        command.follows = text(record.get("follows"));
        command.placementBasis = text(record.get("placement_basis"));
        command.basisRef = text(record.get("basis_ref"));
        command.birthDate = (Integer) record.get("birth_date");
        command.parentsMarried = (Boolean) record.get("parents_married");
        command.paternityEvidence = text(record.get("paternity_evidence"));
        if (record.get("over_six") instanceof GenericRecord done) {
            String approval = text(done.get("approval_ref"));
            command.overSixChecked = (Boolean) done.get("visit")
                    && (Boolean) done.get("face")
                    && (Boolean) done.get("fingerprint")
                    && (Boolean) done.get("dna")
                    && approval != null
                    && !approval.isEmpty();
        }
        command.caseRef = text(record.get("case_ref"));
        command.exemption = text(record.get("exemption"));
        command.gate = text(record.get("gate"));
        command.backfill = record.get("origin").toString().equals("BACKFILL");
        command.corrects = record.get("corrects") != null;
        command.content = content("Filing\0", record, filingParts);
        return command;
    }

    private static String text(Object value) {
        return value == null ? null : value.toString();
    }

    private byte[] content(String name, GenericRecord record, Part[] parts) throws IOException {
        bytes.reset();
        encoder = EncoderFactory.get().binaryEncoder(bytes, encoder);
        for (Part part : parts) {
            part.writer().write(record.get(part.place()), encoder);
        }
        encoder.flush();
        digest.update(name.getBytes(StandardCharsets.US_ASCII));
        return digest.digest(bytes.toByteArray());
    }

    @Override
    public byte[] entry(
            long seq,
            byte[] prev,
            long offset,
            long receivedAt,
            Decision decision,
            byte[] otherKey,
            Command command,
            byte[] input) {
        GenericRecord record = new GenericData.Record(entry.schema);
        record.put("seq", seq);
        record.put("prev", new GenericData.Fixed(entry.schema.getField("prev").schema(), prev));
        record.put("topic", Main.INPUT);
        record.put("offset", offset);
        record.put("received_at", receivedAt);
        record.put("rules", Rules.VERSION);
        Schema verdict = entry.schema.getField("verdict").schema();
        record.put("verdict", new GenericData.EnumSymbol(verdict, verdict.getEnumSymbols().get(decision.verdict)));
        record.put("reason", decision.reason == 0 ? null : Codes.REASONS[decision.reason]);
        record.put("flags", names(decision.flags, Codes.FLAGS));
        record.put("doubts", names(decision.doubts, Codes.DOUBTS));
        record.put("first", decision.first < 0 ? null : decision.first);
        record.put("delay_ms", decision.delayMs < 0 ? null : decision.delayMs);
        record.put("claim_expires_at", decision.claimExpiresAt < 0 ? null : decision.claimExpiresAt);
        record.put("key", otherKey == null ? null : ByteBuffer.wrap(otherKey));
        if (decision.verdict == Codes.REPEATED) {
            Schema repeat = inputs.stream().filter(s -> s.getName().equals("Repeat")).findFirst().orElseThrow();
            GenericRecord said = new GenericData.Record(repeat);
            said.put("event_id", new GenericData.Fixed(repeat.getField("event_id").schema(), command.eventId));
            said.put("content", new GenericData.Fixed(repeat.getField("content").schema(), command.content));
            record.put("input", said);
        } else {
            record.put("input", ByteBuffer.wrap(input));
        }
        try {
            bytes.reset();
            bytes.write(entry.header);
            encoder = EncoderFactory.get().binaryEncoder(bytes, encoder);
            entryWriter.write(record, encoder);
            encoder.flush();
        } catch (IOException fault) {
            throw new UncheckedIOException(fault);
        }
        return bytes.toByteArray();
    }

    private static List<String> names(int mask, String[] table) {
        List<String> names = new ArrayList<>(Integer.bitCount(mask));
        for (int bit = 0; bit < table.length; bit++) {
            if ((mask >> bit & 1) == 1) {
                names.add(table[bit]);
            }
        }
        return names;
    }
}
