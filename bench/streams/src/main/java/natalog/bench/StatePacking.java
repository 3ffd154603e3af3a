package natalog.bench;

import java.nio.charset.StandardCharsets;

/** A number's state as bytes for the store, laid out as natalog.decision.packing lays it out. */
final class StatePacking {
    private static final int SEEN = 1;
    private static final int REGISTRATIONS = 2;
    private static final int CLAIMS = 4;
    private static final int STANDING = 256;
    private static final int CONTESTED = 512;
    private static final ThreadLocal<Output> OUTPUT = ThreadLocal.withInitial(Output::new);

    static byte[] pack(NumberState state) {
        int mask = state.contested ? CONTESTED : 0;
        mask |= state.standing >= 0 ? STANDING : 0;
        mask |= state.seen.isEmpty() ? 0 : SEEN;
        mask |= state.registrations.isEmpty() ? 0 : REGISTRATIONS;
        mask |= state.claims.isEmpty() ? 0 : CLAIMS;
        Output out = OUTPUT.get();
        out.reset();
        out.octet(1);
        out.unsigned(mask);
        out.unsigned(state.lastAt);
        if (state.standing >= 0) {
            out.unsigned(state.standing);
            out.unsigned(state.standingSeq);
        }
        if (!state.seen.isEmpty()) {
            out.unsigned(state.seen.size());
            for (NumberState.Seen seen : state.seen) {
                out.bytes(seen.eventId());
                out.bytes(seen.content());
                out.unsigned(seen.seq());
            }
        }
        if (!state.registrations.isEmpty()) {
            out.unsigned(state.registrations.size());
            for (NumberState.Registration known : state.registrations) {
                text(out, known.id);
                text(out, known.unitCode);
                out.unsigned(1 | (known.timed ? 2 : 0));
            }
        }
        if (!state.claims.isEmpty()) {
            out.unsigned(state.claims.size());
            for (NumberState.Held held : state.claims) {
                text(out, held.unitCode);
                out.unsigned(held.seq);
                out.unsigned(held.grantedAt);
                out.unsigned(held.expiresAt);
                out.unsigned(held.end);
                out.unsigned(held.eventIds.size());
                for (byte[] eventId : held.eventIds) {
                    out.bytes(eventId);
                }
            }
        }
        return out.toBytes();
    }

    static NumberState unpack(byte[] packed) {
        Input in = new Input(packed, 1);
        int mask = (int) in.unsigned();
        NumberState state = new NumberState();
        state.lastAt = in.unsigned();
        state.contested = (mask & CONTESTED) != 0;
        if ((mask & STANDING) != 0) {
            state.standing = (int) in.unsigned();
            state.standingSeq = in.unsigned();
        }
        if ((mask & SEEN) != 0) {
            for (long left = in.unsigned(); left > 0; left--) {
                state.seen.add(new NumberState.Seen(in.fixed(16), in.fixed(32), in.unsigned()));
            }
        }
        if ((mask & REGISTRATIONS) != 0) {
            for (long left = in.unsigned(); left > 0; left--) {
                NumberState.Registration known = new NumberState.Registration(text(in), text(in));
                known.timed = (in.unsigned() & 2) != 0;
                state.registrations.add(known);
            }
        }
        if ((mask & CLAIMS) != 0) {
            for (long left = in.unsigned(); left > 0; left--) {
                NumberState.Held held =
                        new NumberState.Held(text(in), in.unsigned(), in.unsigned(), in.unsigned());
                held.end = (int) in.unsigned();
                for (long ids = in.unsigned(); ids > 0; ids--) {
                    held.eventIds.add(in.fixed(16));
                }
                state.claims.add(held);
            }
        }
        return state;
    }

    private static void text(Output out, String text) {
        byte[] raw = text.getBytes(StandardCharsets.UTF_8);
        out.unsigned(raw.length);
        out.bytes(raw);
    }

    private static String text(Input in) {
        return in.text((int) in.unsigned());
    }

    private StatePacking() {}
}
