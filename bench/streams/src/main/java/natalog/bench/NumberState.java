package natalog.bench;

import java.util.ArrayList;
import java.util.List;

/** What the ledger says about one key: the part of natalog.decision.state that claims and filings reach. */
final class NumberState {
    record Seen(byte[] eventId, byte[] content, long seq) {}

    static final class Registration {
        final String id;
        String unitCode;
        boolean timed;

        Registration(String id, String unitCode) {
            this.id = id;
            this.unitCode = unitCode;
        }
    }

    static final class Held {
        static final int OPEN = 0;
        static final int ENDED = 2;
        final String unitCode;
        final long seq;
        final long grantedAt;
        long expiresAt;
        int end = OPEN;
        final List<byte[]> eventIds = new ArrayList<>(1);

        Held(String unitCode, long seq, long grantedAt, long expiresAt) {
            this.unitCode = unitCode;
            this.seq = seq;
            this.grantedAt = grantedAt;
            this.expiresAt = expiresAt;
        }

        boolean openAt(long at) {
            return end == OPEN && at < expiresAt;
        }
    }

    long lastAt;
    boolean contested;
    int standing = -1;
    long standingSeq = -1;
    final List<Seen> seen = new ArrayList<>(2);
    final List<Registration> registrations = new ArrayList<>(1);
    final List<Held> claims = new ArrayList<>(1);

    Registration registration(String id) {
        for (Registration known : registrations) {
            if (known.id.equals(id)) {
                return known;
            }
        }
        return null;
    }

    Registration stands() {
        return standing >= 0 ? registrations.get(standing) : null;
    }

    Held ownClaim(String unitCode) {
        Held latest = null;
        for (Held held : claims) {
            if (held.unitCode.equals(unitCode)) {
                latest = held;
            }
        }
        return latest;
    }

    Held foreignClaim(String unitCode, long at) {
        for (Held held : claims) {
            if (!held.unitCode.equals(unitCode) && held.openAt(at)) {
                return held;
            }
        }
        return null;
    }
}
