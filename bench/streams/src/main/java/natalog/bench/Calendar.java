package natalog.bench;

import java.time.LocalDate;

/** Days and Beijing dates, as natalog.decision.calendar and listings. */
final class Calendar {
    static final long DAY_MS = 86_400_000L;
    static final long BEIJING_MS = 8 * 3_600_000L;
    static final int DAY_1996 = 9496;
    static final int DAY_2001 = 11323;
    static final long UNKNOWN = -(1L << 62);

    static long beijingDay(long atMs) {
        return Math.floorDiv(atMs + BEIJING_MS, DAY_MS);
    }

    static int year(long day) {
        return LocalDate.ofEpochDay(day).getYear();
    }

    /** Full years; who was born on 29 February ages on 1 March. */
    static int age(long birth, long day) {
        if (day - birth < 365) {
            return 0;
        }
        LocalDate born = LocalDate.ofEpochDay(birth);
        LocalDate today = LocalDate.ofEpochDay(day);
        boolean before = today.getMonthValue() < born.getMonthValue()
                || today.getMonthValue() == born.getMonthValue() && today.getDayOfMonth() < born.getDayOfMonth();
        return today.getYear() - born.getYear() - (before ? 1 : 0);
    }

    static long registeredMs(Command filing) {
        if (filing.registeredAt != null) {
            return filing.registeredAt;
        }
        return filing.registeredOn != null ? filing.registeredOn * DAY_MS - BEIJING_MS : UNKNOWN;
    }

    static long registeredDay(Command filing, long receivedAt) {
        if (filing.registeredAt == null && filing.registeredOn != null) {
            return filing.registeredOn;
        }
        long registered = registeredMs(filing);
        return beijingDay(registered == UNKNOWN ? receivedAt : registered);
    }

    private Calendar() {}
}
