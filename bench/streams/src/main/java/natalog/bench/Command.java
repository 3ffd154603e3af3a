package natalog.bench;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/** What a decision looks at: a Claim, or a Filing with its further fields. Null where the record has null. */
final class Command {
    boolean isFiling;
    byte[] eventId;
    String number;
    String unitCode;
    int roles;
    byte[] content;

    String registrationId;
    Long registeredAt;
    Integer registeredOn;
    String category;
    String householdKind;
    String relationToHead;
    String follows;
    String placementBasis;
    String basisRef;
    Integer birthDate;
    Boolean parentsMarried;
    String paternityEvidence;
    boolean overSixChecked;
    String caseRef;
    String exemption;
    String gate;
    boolean backfill;
    boolean corrects;

    static final int ADAPTER = 2;
    static final int PREFECTURE_ADMIN = 4;
    static final int PROVINCE_ADMIN = 8;

    /** Bits of the roles that rules look at. */
    static int roleBit(String role) {
        return switch (role) {
            case "adapter" -> ADAPTER;
            case "prefecture_admin" -> PREFECTURE_ADMIN;
            case "province_admin" -> PROVINCE_ADMIN;
            default -> 0;
        };
    }

    /** The Kafka key the content demands. */
    byte[] demandedKey() {
        if (number != null && Numbers.isWellformed(number)) {
            return number.getBytes(StandardCharsets.UTF_8);
        }
        if (registrationId != null) {
            return ("r:" + registrationId).getBytes(StandardCharsets.UTF_8);
        }
        String hex = HexFormat.of().formatHex(eventId);
        return ("e:" + hex.substring(0, 8) + "-" + hex.substring(8, 12) + "-" + hex.substring(12, 16) + "-"
                        + hex.substring(16, 20) + "-" + hex.substring(20))
                .getBytes(StandardCharsets.UTF_8);
    }
}
