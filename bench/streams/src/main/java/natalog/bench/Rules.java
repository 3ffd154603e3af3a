package natalog.bench;

import java.util.Arrays;
import java.util.HexFormat;

/**
 * decide and apply for claims and filings on numbers without listings, voids, successions or withdrawals: what the
 * benchmark's records can reach, as natalog.decision has it. Anything else is an error, never a guess.
 */
final class Rules {
    static final int VERSION = 1;
    private static final long SLA_MS = 30 * 60_000L;
    private static final long CLAIM_MS = 120 * 60_000L;
    private static final long SKEW_MS = 5 * 60_000L;
    private static final long BACKFILL_AGE_MS = 30 * Calendar.DAY_MS;

    static Decision decide(NumberState state, Command command, long receivedAt) {
        long reused = -1;
        for (NumberState.Seen seen : state.seen) {
            if (Arrays.equals(seen.eventId(), command.eventId)) {
                if (Arrays.equals(seen.content(), command.content)) {
                    return Decision.repeated(seen.seq());
                }
                if (reused < 0) {
                    reused = seen.seq();
                }
            }
        }
        long at = Math.max(receivedAt, state.lastAt);
        if (command.isFiling) {
            return filing(state, command, reused, receivedAt, at);
        }
        if (reused >= 0) {
            return Decision.refused(Codes.EVENT_ID_REUSED, reused);
        }
        return claim(state, command, at);
    }

    static void apply(NumberState state, Command command, Decision decision, long seq, long receivedAt) {
        state.lastAt = Math.max(receivedAt, state.lastAt);
        state.seen.add(new NumberState.Seen(command.eventId, command.content, seq));
        if (command.isFiling) {
            applyFiling(state, command, decision, seq);
        } else if (decision.verdict == Codes.ACCEPTED) {
            applyClaim(state, command, decision, seq, receivedAt);
        }
    }

    private static Decision claim(NumberState state, Command claim, long at) {
        String number = claim.number;
        if (number == null || number.isEmpty()) {
            return Decision.refused(Codes.MISSING_NUMBER, -1);
        }
        if (!Numbers.isWellformed(number)) {
            return Decision.refused(Codes.MALFORMED_NUMBER, -1);
        }
        int flags = Numbers.PROVINCES.contains(Numbers.province(number)) ? 0 : Codes.PREFIX_WARNING;
        Decision decision;
        NumberState.Held other;
        if (state.standing >= 0) {
            decision = Decision.refused(Codes.USED, state.standingSeq);
        } else if ((other = state.foreignClaim(claim.unitCode, at)) != null) {
            decision = Decision.refused(Codes.CLAIMED_ELSEWHERE, other.seq);
        } else {
            decision = Decision.accepted(0);
            decision.claimExpiresAt = at + CLAIM_MS;
        }
        decision.flags |= flags;
        return decision;
    }

    private static void applyClaim(
            NumberState state, Command claim, Decision decision, long seq, long receivedAt) {
        NumberState.Held own = state.ownClaim(claim.unitCode);
        if (own == null || !own.openAt(state.lastAt)) {
            own = new NumberState.Held(claim.unitCode, seq, receivedAt, decision.claimExpiresAt);
            state.claims.add(own);
        }
        own.expiresAt = decision.claimExpiresAt;
        own.eventIds.add(claim.eventId);
    }

    private static Decision filing(
            NumberState state, Command filing, long reused, long receivedAt, long at) {
        boolean backfill = isBackfill(filing, receivedAt);
        boolean numbered = filing.number != null && Numbers.isWellformed(filing.number);
        NumberState.Registration standing = state.stands();
        boolean same = standing != null && standing.id.equals(filing.registrationId);
        Decision decision;
        if (reused >= 0) {
            decision = Decision.refused(Codes.EVENT_ID_REUSED, reused);
        } else {
            int reason = numberFault(filing, numbered);
            if (reason != 0) {
                decision = Decision.refused(reason, -1);
            } else if (same) {
                throw new UnsupportedOperationException("the benchmark has no amendments");
            } else if (state.standing >= 0) {
                decision = Decision.refused(Codes.USED, state.standingSeq);
            } else {
                decision = Decision.accepted(0);
            }
        }
        gate(state, filing, decision, numbered && !backfill, at);
        if (!backfill) {
            time(state, filing, receivedAt, decision);
        }
        if (decision.verdict == Codes.REFUSED) {
            if (standing != null && (!same || decision.reason == Codes.USED)) {
                decision.flags |= Codes.CONTESTED;
            }
            return decision;
        }
        if (numbered) {
            lookAtNumber(filing, receivedAt, decision);
            if (state.foreignClaim(filing.unitCode, at) != null) {
                decision.flags |= Codes.CLAIM_CONFLICT;
            }
        }
        decision.doubts = Doubts.of(filing, receivedAt);
        return decision;
    }

    private static boolean isBackfill(Command filing, long receivedAt) {
        int may = Command.ADAPTER | Command.PREFECTURE_ADMIN | Command.PROVINCE_ADMIN;
        if (!filing.backfill || (filing.roles & may) == 0) {
            return false;
        }
        long registered = Calendar.registeredMs(filing);
        return registered != Calendar.UNKNOWN && registered <= receivedAt - BACKFILL_AGE_MS;
    }

    private static int numberFault(Command filing, boolean numbered) {
        String number = filing.number;
        if (number != null && !number.isEmpty()) {
            if (!numbered) {
                return Codes.MALFORMED_NUMBER;
            }
            boolean young = filing.birthDate == null || filing.birthDate >= Calendar.DAY_2001;
            return number.length() == 9 && young ? Codes.MALFORMED_NUMBER : 0;
        }
        String exemption = filing.exemption;
        if (exemption == null || exemption.isEmpty()) {
            return Codes.MISSING_NUMBER;
        }
        boolean holds = switch (exemption) {
            case "BEFORE_1996" -> filing.birthDate != null && filing.birthDate < Calendar.DAY_1996;
            case "CASE_DECIDED" -> filing.caseRef != null && !filing.caseRef.isEmpty();
            default -> Codes.EXEMPTIONS.contains(exemption);
        };
        return holds ? 0 : Codes.UNKNOWN_EXEMPTION;
    }

    private static void gate(
            NumberState state, Command filing, Decision decision, boolean numberedLive, long at) {
        String gate = filing.gate;
        if (gate == null || gate.isEmpty()) {
            if (numberedLive) {
                decision.flags |= Codes.UNCHECKED;
            }
            return;
        }
        String cited = null;
        for (NumberState.Held held : state.claims) {
            if (held.end == NumberState.Held.OPEN && at >= held.expiresAt && held.unitCode.equals(filing.unitCode)) {
                cited = cited == null ? gate.replace("-", "").toLowerCase(java.util.Locale.ROOT) : cited;
                for (byte[] eventId : held.eventIds) {
                    if (HexFormat.of().formatHex(eventId).equals(cited)) {
                        decision.flags |= Codes.CLAIM_EXPIRED;
                        return;
                    }
                }
            }
        }
    }

    private static void time(NumberState state, Command filing, long receivedAt, Decision decision) {
        NumberState.Registration known = state.registration(filing.registrationId);
        if (filing.corrects || known != null && known.timed) {
            return;
        }
        if (filing.registeredAt == null) {
            decision.flags |= Codes.NOT_TIMEABLE;
            return;
        }
        long registered = filing.registeredAt;
        NumberState.Held own = state.ownClaim(filing.unitCode);
        long since = registered;
        if (registered > receivedAt + SKEW_MS) {
            decision.flags |= Codes.CLOCK_SKEW;
            since = own != null ? own.grantedAt : receivedAt;
        } else if (own != null && registered < own.grantedAt - SKEW_MS) {
            decision.flags |= Codes.BACKDATED;
        }
        decision.delayMs = Math.max(0, receivedAt - since);
        if (decision.delayMs > SLA_MS) {
            decision.flags |= Codes.FILED_LATE;
        }
    }

    private static void lookAtNumber(Command filing, long receivedAt, Decision decision) {
        if (!Numbers.PROVINCES.contains(Numbers.province(filing.number))) {
            decision.flags |= Codes.PREFIX_WARNING;
        }
        int printed = Numbers.printYear(filing.number);
        if (printed != 0 && printed > Calendar.year(Calendar.registeredDay(filing, receivedAt))) {
            decision.flags |= Codes.IMPOSSIBLE_YEAR;
        }
    }

    private static void applyFiling(NumberState state, Command filing, Decision decision, long seq) {
        NumberState.Registration known = state.registration(filing.registrationId);
        if (known == null) {
            known = new NumberState.Registration(filing.registrationId, filing.unitCode);
            state.registrations.add(known);
        }
        if (decision.delayMs >= 0 || (decision.flags & Codes.NOT_TIMEABLE) != 0) {
            known.timed = true;
        }
        if ((decision.flags & Codes.CONTESTED) != 0) {
            state.contested = true;
        }
        if (decision.verdict != Codes.ACCEPTED) {
            return;
        }
        known.unitCode = filing.unitCode;
        state.standing = state.registrations.indexOf(known);
        state.standingSeq = seq;
        for (NumberState.Held held : state.claims) {
            if (held.openAt(state.lastAt)) {
                held.end = NumberState.Held.ENDED;
            }
        }
    }

    private Rules() {}
}
