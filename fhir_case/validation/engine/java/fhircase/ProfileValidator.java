package fhircase;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.hl7.fhir.r5.elementmodel.Manager.FhirFormat;
import org.hl7.fhir.r5.formats.JsonParser;
import org.hl7.fhir.r5.model.StructureDefinition;
import org.hl7.fhir.r5.utils.validation.IValidationPolicyAdvisor;
import org.hl7.fhir.r5.utils.validation.constants.ReferenceValidationPolicy;
import org.hl7.fhir.utilities.http.ManagedWebAccess;
import org.hl7.fhir.utilities.validation.ValidationMessage;
import org.hl7.fhir.validation.ValidationEngine;
import org.hl7.fhir.validation.instance.InstanceValidator;
import org.hl7.fhir.validation.service.StandAloneValidatorFetcher;

/**
 * The HL7 validation engine as a service on loopback, without any network beyond it.
 *
 * <p>Options are system properties: fhircase.core (the core package, name#version), fhircase.packages (further packages,
 * name#version, separated by commas), fhircase.lifeline (stdin: end as soon as the standard input ends, that is when the
 * parent ends, however it ends), user.home (its .fhir/packages holds them unpacked; the engine has no other switch).
 *
 * <p>{@code POST /validate} with JSON, and {@code ?parts=2} for a Bundle whose resources are to be checked by two threads, gives an OperationOutcome. What the parent needs to know is one line on standard
 * output: {@code READY port} or {@code FAILED reason}.
 */
public final class ProfileValidator {
  private static final int THREADS = Math.max(2, Runtime.getRuntime().availableProcessors());
  private static final ExecutorService PARTS = Executors.newFixedThreadPool(THREADS, ProfileValidator::thread);

  private static final Queue<InstanceValidator> IDLE = new ConcurrentLinkedQueue<>();

  private ProfileValidator() {}

  /** A thread with room for documents that are nested deep. */
  private static Thread thread(Runnable task) {
    Thread made = new Thread(null, task, "validation", 1 << 24);
    made.setDaemon(true);
    return made;
  }

  public static void main(String[] args) {
    Lifeline.hold();
    try {
      ManagedWebAccess.setAccessPolicy(ManagedWebAccess.WebAccessPolicy.PROHIBITED);
      ValidationEngine engine = engine();
      validate(engine, FIRST, 1); // the first codes of a run are checked otherwise than later ones
      HttpServer http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
      http.setExecutor(Executors.newFixedThreadPool(THREADS, ProfileValidator::thread));
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
    engine.getContext().setNoTerminologyServer(true); // else it looks for one that it has not, and fails
    StandAloneValidatorFetcher fetcher =
        new StandAloneValidatorFetcher(engine.getPcm(), engine.getContext(), engine);
    fetcher.setReferencePolicy(ReferenceValidationPolicy.CHECK_TYPE_IF_EXISTS);
    engine.setFetcher(fetcher).setPolicyAdvisor(fetcher);
    engine.getContext().setLocator(fetcher);
    engine.setAllowExampleUrls(true); // test data has such identifiers by right
    engine.prepare();
    return engine;
  }

  /**
   * Validates a document: a Bundle in several parts side by side, each the whole Bundle with the resources of some of its
   * entries left out, so that references between them resolve. What is said of an entry counts from the part that has it.
   */
  private static byte[] validate(ValidationEngine engine, byte[] document, int parts) throws Exception {
    List<Future<List<ValidationMessage>>> found = new ArrayList<>();
    for (int part = 0; part < parts; part++) {
      Part own = new Part(part, parts);
      found.add(PARTS.submit(() -> validate(engine, document, own)));
    }
    List<ValidationMessage> all = new ArrayList<>();
    for (Future<List<ValidationMessage>> part : found) all.addAll(part.get());
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    InstanceValidator validator = validator(engine);
    new JsonParser().compose(out, Outcomes.of(all, engine.getContext(), validator.getFHIRPathEngine()));
    IDLE.add(validator);
    return out.toByteArray();
  }

  /** Returns a validator that nobody uses; to make one takes longer than to check a resource. */
  private static InstanceValidator validator(ValidationEngine engine) throws Exception {
    InstanceValidator idle = IDLE.poll();
    if (idle != null) return idle;
    synchronized (engine) { // which is not made for two at once; what it makes is
      return engine.getValidator(FhirFormat.JSON);
    }
  }

  private static List<ValidationMessage> validate(ValidationEngine engine, byte[] document, Part part) throws Exception {
    InstanceValidator validator = validator(engine);
    IValidationPolicyAdvisor advisor = validator.getPolicyAdvisor();
    validator.setPolicyAdvisor(part.advisor(advisor));
    List<ValidationMessage> messages = new ArrayList<>();
    validator.validate(null, messages, new ByteArrayInputStream(document), FhirFormat.JSON, List.<StructureDefinition>of());
    validator.setPolicyAdvisor(advisor);
    IDLE.add(validator); // not where it threw: it may be in the midst of something
    messages.removeIf(message -> !part.has(message.getLocation()));
    return messages;
  }

  private static void answer(ValidationEngine engine, HttpExchange exchange) throws IOException {
    int status = 200;
    byte[] out = {};
    try {
      byte[] document = exchange.getRequestBody().readAllBytes();
      String query = exchange.getRequestURI().getQuery(); // parts=2
      out = validate(engine, document, query == null ? 1 : Integer.parseInt(query.substring(query.indexOf('=') + 1)));
    } catch (Throwable thrown) {
      Throwable failure = thrown instanceof ExecutionException && thrown.getCause() != null ? thrown.getCause() : thrown;
      failure.printStackTrace();
      if (failure instanceof OutOfMemoryError) Runtime.getRuntime().halt(1); // half its threads may hang; another starts
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
