# fhir-case with what the embedded HAPI FHIR server needs; not built here.
#     docker build -t fhir-case .
#     docker run --rm -v "$PWD:/work" fhir-case validate bundle.json
FROM python:3.12-slim
COPY . /source
RUN pip install --no-cache-dir '/source[all]' && rm -r /source
RUN useradd --create-home user
USER user
WORKDIR /work
ENTRYPOINT ["fhir-case"]
