package fhircase;

import java.io.IOException;

/** Ties a program to the process that started it. */
final class Lifeline {
  private Lifeline() {}

  /**
   * With -Dfhircase.lifeline=stdin ends this program as soon as its standard input ends, that is when the parent ends,
   * however it ends. A parent that writes an L before lets it live on.
   */
  static void hold() {
    if (!System.getProperty("fhircase.lifeline", "").equals("stdin")) return;
    Thread lifeline = new Thread(() -> {
      try {
        for (int sign = System.in.read(); sign >= 0; sign = System.in.read()) {
          if (sign == 'L') return;
        }
      } catch (IOException broken) {
        // a broken input has ended too
      }
      System.exit(0);
    }, "lifeline");
    lifeline.setDaemon(true);
    lifeline.start();
  }
}
