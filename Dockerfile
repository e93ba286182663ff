# fhir-case with what the embedded HAPI FHIR server needs; never built here, only read against what it should do.
#     docker build -t fhir-case .
#     docker run --rm -v "$PWD:/work" fhir-case validate bundle.json
#     docker run --init -p 127.0.0.1:8080:8080 -v fhir-case:/home/user/.cache fhir-case server start --host 0.0.0.0
# The volume keeps the 240 MB of jars; --init collects processes whose parent has ended. What is written to /work needs a
# folder that user 1000 may write.
FROM python:3.12-slim
COPY . /source
RUN pip install --no-cache-dir '/source[all]' && rm -r /source
RUN useradd --create-home user && install --directory --owner user --group user /home/user/.cache /work
USER user
WORKDIR /work
ENTRYPOINT ["fhir-case"]
