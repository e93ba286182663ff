package fhircase;

import java.util.List;
import org.hl7.fhir.r5.context.SimpleWorkerContext;
import org.hl7.fhir.r5.fhirpath.FHIRPathEngine;
import org.hl7.fhir.r5.model.OperationOutcome;
import org.hl7.fhir.utilities.validation.ValidationMessage;
import org.hl7.fhir.validation.ValidatorUtils;

/** OperationOutcomes as the engine writes them, which only its own package and subclasses can ask for. */
final class Outcomes extends ValidatorUtils {
  private Outcomes() {}

  static OperationOutcome of(List<ValidationMessage> messages, SimpleWorkerContext context, FHIRPathEngine paths)
      throws Exception {
    return messagesToOutcome(messages, context, paths);
  }
}
