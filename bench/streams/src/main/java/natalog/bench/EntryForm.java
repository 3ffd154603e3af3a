package natalog.bench;

import java.nio.charset.StandardCharsets;

/** How a ledger entry is laid out, with the arrays of codes encoded once per combination. */
final class EntryForm {
    private static final byte[] TOPIC = string(Main.INPUT);
    private final byte[] header;
    private final byte[][] reasons = new byte[Codes.REASONS.length][];
    private final byte[][] flags = new byte[1 << Codes.FLAGS.length][];
    private final byte[][] doubts = new byte[1 << Codes.DOUBTS.length][];

    EntryForm(byte[] header) {
        this.header = header;
        for (int reason = 1; reason < reasons.length; reason++) {
            reasons[reason] = string(Codes.REASONS[reason]);
        }
    }

    void write(
            Output out,
            long seq,
            byte[] prev,
            long offset,
            long receivedAt,
            Decision decision,
            byte[] otherKey,
            Command command,
            byte[] input) {
        out.bytes(header);
        out.zigzag(seq);
        out.bytes(prev);
        out.bytes(TOPIC);
        out.zigzag(offset);
        out.zigzag(receivedAt);
        out.zigzag(Rules.VERSION);
        out.zigzag(decision.verdict);
        if (decision.reason == 0) {
            out.octet(0);
        } else {
            out.octet(2);
            out.bytes(reasons[decision.reason]);
        }
        out.bytes(codes(decision.flags, Codes.FLAGS, flags));
        out.bytes(codes(decision.doubts, Codes.DOUBTS, doubts));
        optional(out, decision.first);
        optional(out, decision.delayMs);
        optional(out, decision.claimExpiresAt);
        if (otherKey == null) {
            out.octet(0);
        } else {
            out.octet(2);
            out.zigzag(otherKey.length);
            out.bytes(otherKey);
        }
        if (decision.verdict == Codes.REPEATED) {
            out.octet(2);
            out.bytes(command.eventId);
            out.bytes(command.content);
        } else {
            out.octet(0);
            out.zigzag(input.length);
            out.bytes(input);
        }
    }

    private static void optional(Output out, long number) {
        if (number < 0) {
            out.octet(0);
        } else {
            out.octet(2);
            out.zigzag(number);
        }
    }

    private static byte[] codes(int mask, String[] table, byte[][] known) {
        byte[] encoded = known[mask];
        if (encoded == null) {
            Output out = new Output();
            if (mask != 0) {
                out.zigzag(Integer.bitCount(mask));
                for (int bit = 0; bit < table.length; bit++) {
                    if ((mask >> bit & 1) == 1) {
                        out.bytes(string(table[bit]));
                    }
                }
            }
            out.octet(0);
            encoded = known[mask] = out.toBytes();
        }
        return encoded;
    }

    private static byte[] string(String text) {
        byte[] raw = text.getBytes(StandardCharsets.UTF_8);
        Output out = new Output();
        out.zigzag(raw.length);
        out.bytes(raw);
        return out.toBytes();
    }
}
