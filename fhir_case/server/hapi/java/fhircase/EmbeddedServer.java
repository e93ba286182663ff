package fhircase;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.dao.DaoRegistry;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.config.r4.JpaR4Config;
import ca.uhn.fhir.jpa.config.r5.JpaR5Config;
import ca.uhn.fhir.jpa.interceptor.UserRequestRetryVersionConflictsInterceptor;
import ca.uhn.fhir.jpa.packages.IPackageInstallerSvc;
import ca.uhn.fhir.jpa.packages.PackageInstallationSpec;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.provider.JpaSystemProvider;
import ca.uhn.fhir.jpa.provider.TerminologyUploaderProvider;
import ca.uhn.fhir.jpa.provider.ValueSetOperationProvider;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.jpa.topic.SubscriptionTopicConfig;
import ca.uhn.fhir.jpa.validation.JpaValidationSupportChain;
import ca.uhn.fhir.rest.api.server.SystemRequestDetails;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.interceptor.RequestValidatingInterceptor;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import ca.uhn.fhir.validation.IInstanceValidatorModule;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import java.io.File;
import java.io.IOException;
import java.net.BindException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.r5.model.Enumerations;
import org.hl7.fhir.r5.model.SearchParameter;
import org.springframework.beans.factory.BeanCreationException;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;

/**
 * A HAPI FHIR JPA server in one process, for development and tests: on H2 or PostgreSQL, no authentication.
 *
 * <p>Options are system properties: fhircase.fhir (R4 or R5), fhircase.host, fhircase.port (0: any free one),
 * fhircase.data (file of the database; absent: in memory), fhircase.database (JDBC URL of a PostgreSQL instead; user and
 * password are in the environment), fhircase.kept (true: its data outlive this process), fhircase.packages (files
 * NAME-VERSION.tgz, separated like a class path, installed in this order), fhircase.strict (true: an invalid resource is
 * refused with 422), fhircase.placeholders (true: a reference to what is not there makes a placeholder),
 * fhircase.lifeline (stdin: end as soon as the standard input ends, that is when the parent ends, however it ends).
 *
 * <p>What the parent needs to know is one line each on standard output: {@code PHASE what}, {@code PACKAGE name
 * seconds resources}, {@code READY port version seconds}, {@code FAILED reason}.
 */
public final class EmbeddedServer {
  private static final Pattern PACKAGE_FILE = Pattern.compile("(.+)-(\\d.*)\\.tgz");

  private EmbeddedServer() {}

  public static void main(String[] args) {
    long start = System.nanoTime();
    Lifeline.hold();
    try {
      ServerConnector connector = listen();
      tell("PHASE opening the database");
      Database.check(option("fhir"));
      AnnotationConfigApplicationContext spring = openStore();
      for (String file : option("packages").split(File.pathSeparator)) {
        if (!file.isEmpty()) install(spring.getBean(IPackageInstallerSvc.class), Path.of(file));
      }
      tell("PHASE starting to listen");
      serve(connector, restfulServer(spring));
      endCleanly(connector.getServer(), spring);
      tell("READY %d %s %.1f", connector.getLocalPort(), option("fhir"), seconds(start));
    } catch (Throwable failure) {
      failure.printStackTrace();
      tell("FAILED %s", reason(failure));
      Runtime.getRuntime().halt(1); // half a server may hold threads that never end
    }
  }

  /** Takes the port before all else: a taken one is told at once, and a free one stays ours. */
  private static ServerConnector listen() throws IOException {
    ServerConnector connector = new ServerConnector(new Server());
    connector.setHost(option("host"));
    connector.setPort(Integer.getInteger("fhircase.port"));
    connector.open();
    connector.getServer().addConnector(connector);
    return connector;
  }

  private static AnnotationConfigApplicationContext openStore() {
    AnnotationConfigApplicationContext spring = new AnnotationConfigApplicationContext();
    spring.register(Storage.class);
    if (option("fhir").equals("R5")) spring.register(JpaR5Config.class, SubscriptionTopicConfig.class);
    else spring.register(JpaR4Config.class);
    spring.refresh();
    // SNOMED CT, LOINC and others are not on this server: a code of theirs gets a remark, not an error.
    FhirContext fhir = spring.getBean(FhirContext.class);
    JpaValidationSupportChain chain = spring.getBean(JpaValidationSupportChain.class);
    chain.addValidationSupport(0, new UncheckableValueSets(fhir));
    UnknownCodeSystemWarningValidationSupport unknown = new UnknownCodeSystemWarningValidationSupport(fhir);
    unknown.setNonExistentCodeSystemSeverity(IValidationSupport.IssueSeverity.WARNING);
    chain.addValidationSupport(unknown);
    if (option("fhir").equals("R5")) mendSubstance(spring);
    return spring;
  }

  /**
   * R5 reads {@code AdverseEvent.suspectEntity.instance as Reference}, and "as" takes no two: an event with two suspects
   * was refused. The same parameter with ofType takes any number.
   */
  private static void mendSubstance(AnnotationConfigApplicationContext spring) {
    SearchParameter substance = new SearchParameter();
    substance.setId("AdverseEvent-substance");
    substance.setUrl("http://hl7.org/fhir/SearchParameter/AdverseEvent-substance");
    substance.setName("substance").setCode("substance").setDescription("Refers to the specific entity that caused the event");
    substance.setStatus(Enumerations.PublicationStatus.ACTIVE).setType(Enumerations.SearchParamType.REFERENCE);
    substance.addBase(Enumerations.VersionIndependentResourceTypesAll.ADVERSEEVENT);
    substance.setExpression("AdverseEvent.suspectEntity.instance.ofType(Reference)");
    spring.getBean(DaoRegistry.class).getResourceDao(SearchParameter.class).update(substance, new SystemRequestDetails());
    spring.getBean(ISearchParamRegistry.class).forceRefresh();
  }

  private static RestfulServer restfulServer(AnnotationConfigApplicationContext spring) {
    DatabaseBackedPagingProvider paging = spring.getBean(DatabaseBackedPagingProvider.class);
    paging.setDefaultPageSize(50);
    paging.setMaximumPageSize(1000);
    RestfulServer rest = new RestfulServer(spring.getBean(FhirContext.class));
    rest.registerProviders(spring.getBean(ResourceProviderFactory.class).createProviders());
    rest.registerProvider(spring.getBean(JpaSystemProvider.class));
    rest.registerProvider(spring.getBean(ValueSetOperationProvider.class));
    rest.registerProvider(spring.getBean(TerminologyUploaderProvider.class));
    rest.setPagingProvider(paging);
    rest.setServerConformanceProvider(new JpaCapabilityStatementProvider(
        rest, spring.getBean(IFhirSystemDao.class), spring.getBean(JpaStorageSettings.class),
        spring.getBean(ISearchParamRegistry.class), spring.getBean(JpaValidationSupportChain.class)));
    rest.registerInterceptor(new UserRequestRetryVersionConflictsInterceptor());
    if (Boolean.getBoolean("fhircase.strict")) {
      RequestValidatingInterceptor strict = new RequestValidatingInterceptor();
      strict.setValidatorModules(List.of(spring.getBean(IInstanceValidatorModule.class)));
      strict.setFailOnSeverity(ResultSeverityEnum.ERROR);
      rest.registerInterceptor(strict);
    }
    return rest;
  }

  private static void serve(ServerConnector connector, RestfulServer rest) throws Exception {
    ServletContextHandler context = new ServletContextHandler("/");
    ServletHolder servlet = new ServletHolder(rest);
    servlet.setInitOrder(1); // at the start, not at the first request: a broken one must not become READY
    context.addServlet(servlet, "/fhir/*");
    connector.getServer().setHandler(context);
    connector.getServer().start();
  }

  /** Installs one package, without its dependencies: they are files of their own in the list, or not wanted. */
  private static void install(IPackageInstallerSvc installer, Path file) throws IOException {
    long start = System.nanoTime();
    var parts = PACKAGE_FILE.matcher(file.getFileName().toString());
    if (!parts.matches()) throw new IllegalArgumentException(file + " is not named NAME-VERSION.tgz");
    var outcome = installer.install(new PackageInstallationSpec()
        .setName(parts.group(1))
        .setVersion(parts.group(2))
        .setPackageContents(Files.readAllBytes(file))
        .setInstallMode(PackageInstallationSpec.InstallModeEnum.STORE_AND_INSTALL)
        .setFetchDependencies(false));
    int resources = outcome.getResourcesInstalled().values().stream().mapToInt(Integer::intValue).sum();
    tell("PACKAGE %s %.1f %d", parts.group(1), seconds(start), resources);
  }

  private static void endCleanly(Server server, AnnotationConfigApplicationContext spring) {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      try {
        server.stop();
      } catch (Exception late) {
        late.printStackTrace();
      }
      if (Database.isKept()) spring.close(); // what is in memory only need not be put away
    }, "end"));
  }

  private static String reason(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof BindException) return "port";
      String ofDatabase = Database.reason(cause);
      if (ofDatabase != null) return ofDatabase;
      if (cause instanceof OutOfMemoryError) return "memory";
    }
    boolean database = (Database.isKept() || !option("database").isEmpty()) && failure instanceof BeanCreationException;
    return database ? "database" : "other";
  }

  private static String option(String name) {
    return System.getProperty("fhircase." + name, "");
  }

  private static double seconds(long start) {
    return (System.nanoTime() - start) / 1e9;
  }

  private static void tell(String format, Object... values) {
    System.out.println(String.format(java.util.Locale.ROOT, format, values));
    System.out.flush();
  }
}
