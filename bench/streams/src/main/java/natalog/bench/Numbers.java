package natalog.bench;

import java.util.Set;

/** Certificate numbers, as natalog.decision.numbers. */
final class Numbers {
    static final Set<String> PROVINCES = Set.of(
            "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43",
            "44", "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "66");

    static boolean isWellformed(String number) {
        int size = number.length();
        if (size == 10) {
            char letter = number.charAt(0);
            return letter >= 'A' && letter <= 'Z' && isDigits(number, 1);
        }
        return size == 9 && isDigits(number, 0);
    }

    private static boolean isDigits(String text, int from) {
        for (int i = from; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c < '0' || c > '9') {
                return false;
            }
        }
        return true;
    }

    static int printYear(String number) {
        return number.length() == 10 ? 2000 + number.charAt(0) - 'A' : 0;
    }

    static String province(String number) {
        return number.length() == 10 ? number.substring(1, 3) : number.substring(0, 2);
    }

    private Numbers() {}
}
