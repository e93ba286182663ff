"""What a stranger writes, changed at random: each reader either reads it or raises an error of `fhir_case.errors`."""
