package natalog.bench;

import java.util.Set;

/** Verdicts, reasons, flags and doubts: the same numbers and names as natalog.decision.codes. */
final class Codes {
    static final int ACCEPTED = 0;
    static final int REFUSED = 1;
    static final int REPEATED = 2;

    static final int USED = 1;
    static final int CLAIMED_ELSEWHERE = 5;
    static final int MALFORMED_NUMBER = 6;
    static final int MISSING_NUMBER = 7;
    static final int UNKNOWN_EXEMPTION = 8;
    static final int EVENT_ID_REUSED = 13;
    static final int MISROUTED = 14;
    static final String[] REASONS = {
        "", "USED", "BLACKLISTED", "INVALIDATED", "SUCCEEDS_USED", "CLAIMED_ELSEWHERE", "MALFORMED_NUMBER",
        "MISSING_NUMBER", "UNKNOWN_EXEMPTION", "NOT_OWNER", "NOT_LISTED", "NEEDS_SECOND_PERSON",
        "UNKNOWN_REGISTRATION", "EVENT_ID_REUSED", "MISROUTED",
    };

    static final int FILED_LATE = 1;
    static final int CLOCK_SKEW = 1 << 2;
    static final int BACKDATED = 1 << 3;
    static final int NOT_TIMEABLE = 1 << 4;
    static final int UNCHECKED = 1 << 5;
    static final int CLAIM_EXPIRED = 1 << 6;
    static final int CLAIM_CONFLICT = 1 << 7;
    static final int CONTESTED = 1 << 9;
    static final int PREFIX_WARNING = 1 << 10;
    static final int IMPOSSIBLE_YEAR = 1 << 11;
    static final String[] FLAGS = {
        "FILED_LATE", "OVERDUE", "CLOCK_SKEW", "BACKDATED", "NOT_TIMEABLE", "UNCHECKED", "CLAIM_EXPIRED",
        "CLAIM_CONFLICT", "AMENDMENT", "CONTESTED", "PREFIX_WARNING", "IMPOSSIBLE_YEAR",
    };

    static final int COLLECTIVE_HOUSEHOLD = 1 << 1;
    static final int NON_RELATIVE = 1 << 2;
    static final int PRIVATE_ADOPTION = 1 << 3;
    static final int OVER_SIX = 1 << 4;
    static final int FOLLOWS_NEITHER = 1 << 5;
    static final int UNMARRIED_FATHER = 1 << 6;
    static final String[] DOUBTS = {
        "VOID_CERTIFICATE", "COLLECTIVE_HOUSEHOLD", "NON_RELATIVE", "PRIVATE_ADOPTION", "OVER_SIX",
        "FOLLOWS_NEITHER", "UNMARRIED_FATHER",
    };

    static final Set<String> EXEMPTIONS =
            Set.of("BORN_ABROAD", "ADOPTED", "WELFARE_HOME", "BEFORE_1996", "CASE_DECIDED");

    /** Doubts a placement basis clears. */
    static int cleared(String basis) {
        return switch (basis) {
            case "STUDENT_PARENTS" -> FOLLOWS_NEITHER;
            case "OVERSEAS_PARENTS", "PARENTS_WITHOUT_HUKOU_OR_CUSTODY" -> FOLLOWS_NEITHER | NON_RELATIVE;
            case "ADOPTION_REGISTERED" -> PRIVATE_ADOPTION | FOLLOWS_NEITHER | NON_RELATIVE;
            case "WELFARE_HOME" -> COLLECTIVE_HOUSEHOLD | FOLLOWS_NEITHER | NON_RELATIVE;
            case "PARENT_IN_COLLECTIVE" -> COLLECTIVE_HOUSEHOLD;
            case "CASE_DECIDED" -> FOLLOWS_NEITHER | NON_RELATIVE | COLLECTIVE_HOUSEHOLD | PRIVATE_ADOPTION;
            default -> 0;
        };
    }

    private Codes() {}
}
