package fhircase;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.hl7.fhir.r5.utils.validation.IValidationPolicyAdvisor;
import org.hl7.fhir.r5.utils.validation.constants.ContainedReferenceValidationPolicy;
import org.hl7.fhir.utilities.validation.ValidationMessage;

/** One of the parts in which a Bundle is validated: each n-th entry; the first part has what is outside of entries, too. */
record Part(int number, int of) {
  private static final Pattern ENTRY = Pattern.compile("Bundle\\.entry\\[(\\d+)\\].*", Pattern.DOTALL);
  private static final int PATH = 7; // the argument of policyForContained that is a path

  /** Whether an element, by its path in the document, belongs to this part. */
  boolean has(String path) {
    Matcher entry = ENTRY.matcher(path == null ? "" : path);
    return entry.matches() ? Long.parseLong(entry.group(1)) % of == number : number == 0;
  }

  /** Returns the messages of all parts; what is said only once of a document, at its first place, is kept from one part. */
  static List<ValidationMessage> eachOnce(List<ValidationMessage> messages) {
    Map<String, ValidationMessage> first = new HashMap<>();
    for (ValidationMessage one : messages) {
      if (saidOnce(one)) first.merge(one.getMessage(), one, (known, other) -> entry(other) < entry(known) ? other : known);
    }
    return messages.stream().filter(one -> !saidOnce(one) || first.get(one.getMessage()) == one).toList();
  }

  private static boolean saidOnce(ValidationMessage message) {
    return message.getMessageId() != null && message.getMessageId().startsWith("MSG_DEPENDS_ON_");
  }

  private static long entry(ValidationMessage message) {
    Matcher entry = ENTRY.matcher(message.getLocation() == null ? "" : message.getLocation());
    return entry.matches() ? Long.parseLong(entry.group(1)) : -1;
  }

  /** Returns an advisor that leaves out the resources of the other parts, and otherwise is like another. */
  IValidationPolicyAdvisor advisor(IValidationPolicyAdvisor other) {
    Class<?> type = IValidationPolicyAdvisor.class;
    return (IValidationPolicyAdvisor) Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type},
        (proxy, method, arguments) -> {
          if (method.getName().equals("policyForContained") && !has((String) arguments[PATH])) {
            return ContainedReferenceValidationPolicy.IGNORE;
          }
          try {
            return method.invoke(other, arguments);
          } catch (InvocationTargetException thrown) {
            throw thrown.getCause();
          }
        });
  }
}
