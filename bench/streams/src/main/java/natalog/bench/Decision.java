package natalog.bench;

/** One decision; -1 where there is no number. */
final class Decision {
    int verdict;
    int reason;
    int flags;
    int doubts;
    long first = -1;
    long delayMs = -1;
    long claimExpiresAt = -1;

    static Decision accepted(int flags) {
        Decision decision = new Decision();
        decision.verdict = Codes.ACCEPTED;
        decision.flags = flags;
        return decision;
    }

    static Decision refused(int reason, long first) {
        Decision decision = new Decision();
        decision.verdict = Codes.REFUSED;
        decision.reason = reason;
        decision.first = first;
        return decision;
    }

    static Decision repeated(long first) {
        Decision decision = new Decision();
        decision.verdict = Codes.REPEATED;
        decision.first = first;
        return decision;
    }
}
