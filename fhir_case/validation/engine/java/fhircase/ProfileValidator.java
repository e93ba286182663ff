package fhircase;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.hl7.fhir.r5.elementmodel.Manager.FhirFormat;
import org.hl7.fhir.r5.formats.JsonParser;
import org.hl7.fhir.r5.utils.validation.constants.ReferenceValidationPolicy;
import org.hl7.fhir.utilities.http.ManagedWebAccess;
import org.hl7.fhir.validation.ValidationEngine;
import org.hl7.fhir.validation.service.StandAloneValidatorFetcher;

/**
 * The HL7 validation engine as a service on loopback, without any network beyond it.
 *
 * <p>Options are system properties: fhircase.core (the core package, name#version), fhircase.packages (further packages,
 * name#version, separated by commas), fhircase.lifeline (stdin: end as soon as the standard input ends, that is when the
 * parent ends, however it ends), user.home (its .fhir/packages holds them unpacked; the engine has no other switch).
 *
 * <p>{@code POST /validate} with JSON gives an OperationOutcome. What the parent needs to know is one line on standard
 * output: {@code READY port} or {@code FAILED reason}.
 */
public final class ProfileValidator {
  private ProfileValidator() {}

  public static void main(String[] args) {
    Lifeline.hold();
    try {
      ManagedWebAccess.setAccessPolicy(ManagedWebAccess.WebAccessPolicy.PROHIBITED);
      ValidationEngine engine = engine();
      validate(engine, FIRST); // the first codes of a run are checked otherwise than later ones
      HttpServer http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
      http.createContext("/validate", exchange -> answer(engine, exchange));
      http.start();
      System.out.println("READY " + http.getAddress().getPort());
    } catch (Throwable failure) {
      failure.printStackTrace();
      System.out.println("FAILED " + (failure instanceof OutOfMemoryError ? "memory" : "other"));
      Runtime.getRuntime().halt(1); // half an engine may hold threads that never end
    }
  }

  private static final byte[] FIRST = ("{\"resourceType\":\"Observation\",\"id\":\"first\",\"status\":\"final\",\"code\":{\"coding\":"
      + "[{\"system\":\"http://snomed.info/sct\",\"code\":\"38341003\"},{\"system\":\"http://loinc.org\",\"code\":\"1975-2\"}],"
      + "\"text\":\"first\"}}").getBytes(StandardCharsets.UTF_8);

  private static ValidationEngine engine() throws Exception {
    String core = option("core");
    ValidationEngine engine = new ValidationEngine.ValidationEngineBuilder()
        .withVersion(core.substring(core.indexOf('#') + 1))
        .withNoTerminologyServer()
        .withCanRunWithoutTerminologyServer(true)
        .fromSource(core);
    for (String name : option("packages").split(",")) {
      if (!name.isEmpty()) engine.getIgLoader().loadIg(engine.getIgs(), engine.getBinaries(), name, true);
    }
    StandAloneValidatorFetcher fetcher =
        new StandAloneValidatorFetcher(engine.getPcm(), engine.getContext(), engine);
    fetcher.setReferencePolicy(ReferenceValidationPolicy.CHECK_TYPE_IF_EXISTS);
    engine.setFetcher(fetcher).setPolicyAdvisor(fetcher);
    engine.getContext().setLocator(fetcher);
    engine.setAllowExampleUrls(true); // test data has such identifiers by right
    engine.prepare();
    return engine;
  }

  private static byte[] validate(ValidationEngine engine, byte[] resource) throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    new JsonParser().compose(out, engine.validate(resource, FhirFormat.JSON, List.of(), new ArrayList<>()));
    return out.toByteArray();
  }

  private static void answer(ValidationEngine engine, HttpExchange exchange) throws IOException {
    int status = 200;
    byte[] out;
    try {
      byte[] resource = exchange.getRequestBody().readAllBytes();
      synchronized (engine) { // which is not made for two at once
        out = validate(engine, resource);
      }
    } catch (Throwable failure) {
      failure.printStackTrace();
      status = 500;
      out = String.valueOf(failure).getBytes(StandardCharsets.UTF_8);
    }
    exchange.sendResponseHeaders(status, out.length);
    exchange.getResponseBody().write(out);
    exchange.close();
  }

  private static String option(String name) {
    return System.getProperty("fhircase." + name, "");
  }
}
