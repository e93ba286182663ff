package fhircase;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.hl7.fhir.r5.utils.validation.IValidationPolicyAdvisor;
import org.hl7.fhir.r5.utils.validation.constants.ContainedReferenceValidationPolicy;

/** One of the parts in which a Bundle is validated: each n-th entry; the first part has what is outside of entries, too. */
record Part(int number, int of) {
  private static final Pattern ENTRY = Pattern.compile("Bundle\\.entry\\[(\\d+)\\].*", Pattern.DOTALL);
  private static final int PATH = 7; // the argument of policyForContained that is a path

  /** Whether an element, by its path in the document, belongs to this part. */
  boolean has(String path) {
    Matcher entry = ENTRY.matcher(path == null ? "" : path);
    return entry.matches() ? Long.parseLong(entry.group(1)) % of == number : number == 0;
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
