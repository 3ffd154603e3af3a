package natalog.bench;

/** The seven doubtful patterns, as natalog.decision.doubts. */
final class Doubts {
    static int of(Command filing, long receivedAt) {
        int mask = 0;
        if (filing.householdKind != null) {
            switch (filing.householdKind) {
                case "FAMILY" -> mask |= "99".equals(filing.relationToHead) ? Codes.NON_RELATIVE : 0;
                case "STATION_COLLECTIVE", "COMMUNITY_COLLECTIVE", "UNIVERSITY_COLLECTIVE" ->
                        mask |= Codes.COLLECTIVE_HOUSEHOLD;
                default -> { }
            }
        }
        if (filing.category.equals("FACT_ADOPTION")) {
            mask |= Codes.PRIVATE_ADOPTION;
        }
        if (filing.follows != null) {
            switch (filing.follows) {
                case "FATHER" -> mask |= unprovenFather(filing) ? Codes.UNMARRIED_FATHER : 0;
                case "OTHER", "NONE" -> mask |= Codes.FOLLOWS_NEITHER;
                default -> { }
            }
        }
        if (mask != 0 && filing.placementBasis != null) {
            mask &= ~clearedBy(filing);
        }
        if (filing.birthDate != null && !filing.overSixChecked) {
            long registered = Calendar.registeredMs(filing);
            long day = Calendar.beijingDay(registered == Calendar.UNKNOWN ? receivedAt : registered);
            if (Calendar.age(filing.birthDate, day) >= 6) {
                mask |= Codes.OVER_SIX;
            }
        }
        return mask;
    }

    private static boolean unprovenFather(Command filing) {
        return Boolean.FALSE.equals(filing.parentsMarried)
                && !"DNA".equals(filing.paternityEvidence)
                && !"JUDGMENT".equals(filing.paternityEvidence);
    }

    private static int clearedBy(Command filing) {
        boolean hasCase = filing.caseRef != null && !filing.caseRef.isEmpty();
        boolean hasBasis = filing.basisRef != null && !filing.basisRef.isEmpty();
        if (!hasCase && (!hasBasis || filing.placementBasis.equals("CASE_DECIDED"))) {
            return 0;
        }
        return Codes.cleared(filing.placementBasis);
    }

    private Doubts() {}
}
