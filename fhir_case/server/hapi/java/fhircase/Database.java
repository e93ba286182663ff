package fhircase;

import ca.uhn.fhir.jpa.model.dialect.HapiFhirH2Dialect;
import ca.uhn.fhir.jpa.model.dialect.HapiFhirPostgresDialect;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Map;
import java.util.Properties;
import org.apache.commons.dbcp2.BasicDataSource;

/**
 * The database: H2, in memory or in a file, or the PostgreSQL of fhircase.database, with user and password from the
 * environment, since everybody can read a command line.
 */
final class Database {
  private static final String URL = System.getProperty("fhircase.database", "");
  private static final String FILE = System.getProperty("fhircase.data", "");
  private static final String USER = System.getenv("FHIRCASE_DATABASE_USER");
  private static final String PASSWORD = System.getenv("FHIRCASE_DATABASE_PASSWORD");
  private static final int H2_ALREADY_OPEN = 90020;
  private static final Map<String, String> STATES = Map.of(
      "28P01", "password", "28000", "password", "3D000", "no-database", "42501", "right", "53100", "disk", "57P03", "unreachable");
  private static final String UNDEFINED_TABLE = "42P01";

  private Database() {}

  /** Whether its data outlive this process. */
  static boolean isKept() {
    return !FILE.isEmpty() || Boolean.getBoolean("fhircase.kept");
  }

  static Class<?> dialect() {
    return URL.isEmpty() ? HapiFhirH2Dialect.class : HapiFhirPostgresDialect.class;
  }

  static BasicDataSource source() {
    BasicDataSource source = new BasicDataSource();
    if (URL.isEmpty()) {
      source.setUrl(FILE.isEmpty() ? "jdbc:h2:mem:fhir;DB_CLOSE_DELAY=-1" : "jdbc:h2:file:" + FILE);
    } else {
      source.setUrl(URL + (URL.contains("?") ? "&" : "?") + "reWriteBatchedInserts=true&ApplicationName=fhir-case");
      if (USER != null) source.setUsername(USER);
      if (PASSWORD != null) source.setPassword(PASSWORD);
    }
    source.setMaxTotal(40);
    source.setMaxIdle(40);
    return source;
  }

  /** Connects once before half a minute is spent on the rest, and refuses the data of another release of FHIR. */
  static void check(String release) throws SQLException {
    if (URL.isEmpty()) return;
    Properties who = new Properties();
    if (USER != null) who.setProperty("user", USER);
    if (PASSWORD != null) who.setProperty("password", PASSWORD);
    try (Connection connection = DriverManager.getConnection(URL, who)) {
      connection.setReadOnly(true);
      try (ResultSet found = connection.createStatement().executeQuery(
          "select res_version from hfj_resource limit 1")) {
        if (found.next() && !release.equals(found.getString(1))) throw new OtherRelease(found.getString(1));
      } catch (SQLException none) {
        if (!UNDEFINED_TABLE.equals(none.getSQLState())) throw none; // a new database
      }
    }
  }

  /** The word for an error of the database, by which the parent knows what to say; null: it is none of those. */
  static String reason(Throwable cause) {
    if (cause instanceof OtherRelease other) return "release " + other.getMessage();
    if (!(cause instanceof SQLException sql)) return null;
    if (sql.getErrorCode() == H2_ALREADY_OPEN) return "in-use";
    if (URL.isEmpty() || sql.getSQLState() == null) return null;
    return sql.getSQLState().startsWith("08") ? "unreachable" : STATES.get(sql.getSQLState());
  }

  /** The data are of another release of FHIR. */
  private static final class OtherRelease extends RuntimeException {
    OtherRelease(String release) {
      super(release);
    }
  }
}
