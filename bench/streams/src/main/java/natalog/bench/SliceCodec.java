package natalog.bench;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** Written by hand for the two records: fields straight from the bytes, content hashed from slices of the value. */
final class SliceCodec implements Codec {
    private static final byte[] FILING_NAME = "Filing\0".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] CLAIM_NAME = "Claim\0".getBytes(StandardCharsets.US_ASCII);

    private final Published filing;
    private final Published claim;
    private final Output out = new Output();
    private final EntryForm form;
    private final MessageDigest digest;

    SliceCodec(Path schemas) {
        filing = new Published(schemas, "Filing");
        claim = new Published(schemas, "Claim");
        form = new EntryForm(new Published(schemas, "Entry").header);
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    @Override
    public Command read(byte[] value) {
        if (filing.begins(value)) {
            return readFiling(new Input(value, Published.HEADER));
        }
        if (claim.begins(value)) {
            return readClaim(new Input(value, Published.HEADER));
        }
        throw new UnsupportedOperationException("the benchmark has claims and filings only");
    }

    private int start(Input in, Command command) {
        command.eventId = in.fixed(16);
        command.number = in.optionalString();
        command.unitCode = in.string();
        in.skipOptionalLong();
        int beforeSubmitter = in.at;
        in.skipString();
        in.skipString();
        for (long block = in.zigzag(); block != 0; block = in.zigzag()) {
            if (block < 0) {
                throw new UnsupportedOperationException("not a canonical encoding");
            }
            for (; block > 0; block--) {
                command.roles |= Command.roleBit(in.string());
            }
        }
        return beforeSubmitter;
    }

    private Command readClaim(Input in) {
        Command command = new Command();
        int beforeSubmitter = start(in, command);
        end(in);
        digest.update(CLAIM_NAME);
        digest.update(in.data, Published.HEADER, beforeSubmitter - Published.HEADER);
        command.content = digest.digest();
        return command;
    }

    private Command readFiling(Input in) {
        Command command = new Command();
        command.isFiling = true;
        int beforeSubmitter = start(in, command);
        int fromRegistrationId = in.at;
        command.registrationId = in.string();
        command.registeredAt = in.there() ? in.zigzag() : null;
        command.registeredOn = in.there() ? (int) in.zigzag() : null;
        in.skipOptionalLong(); // captured_at
        int beforeAttemptedAt = in.at;
        in.skipOptionalLong();
        int fromDivision = in.at;
        in.skipOptionalString();
        command.category = in.string();
        command.householdKind = in.optionalString();
        command.relationToHead = in.optionalString();
        command.follows = in.optionalString();
        command.placementBasis = in.optionalString();
        command.basisRef = in.optionalString();
        command.birthDate = in.there() ? (int) in.zigzag() : null;
        command.parentsMarried = in.there() ? in.flag() : null;
        command.paternityEvidence = in.optionalString();
        if (in.there()) {
            boolean visit = in.flag();
            boolean face = in.flag();
            boolean fingerprint = in.flag();
            boolean dna = in.flag();
            String approval = in.optionalString();
            command.overSixChecked =
                    visit && face && fingerprint && dna && approval != null && !approval.isEmpty();
        }
        command.caseRef = in.optionalString();
        command.exemption = in.optionalString();
        command.gate = in.optionalString();
        command.backfill = in.zigzag() == 1;
        if (in.there()) {
            in.at += 16;
            command.corrects = true;
        }
        in.skipOptionalString(); // child_token
        in.skipOptionalString(); // mother_token
        in.skipOptionalString(); // father_token
        int beforeSealed = in.at;
        in.skipOptionalString(); // sealed
        in.skipOptionalString(); // key_id
        end(in);
        digest.update(FILING_NAME);
        digest.update(in.data, Published.HEADER, beforeSubmitter - Published.HEADER);
        digest.update(in.data, fromRegistrationId, beforeAttemptedAt - fromRegistrationId);
        digest.update(in.data, fromDivision, beforeSealed - fromDivision);
        command.content = digest.digest();
        return command;
    }

    private static void end(Input in) {
        if (in.at != in.data.length) {
            throw new UnsupportedOperationException("bytes follow after the record");
        }
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
        out.reset();
        form.write(out, seq, prev, offset, receivedAt, decision, otherKey, command, input);
        return out.toBytes();
    }
}
