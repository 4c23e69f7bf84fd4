# Built in one stage, run in another that has no compiler, no npm and no root.
FROM python:3.12-slim AS build
WORKDIR /app
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1
COPY requirements.txt requirements-node.txt ./
# Redis is a service of its own here.
RUN grep -v '^valkey' requirements.txt > /tmp/requirements.txt && pip install -r /tmp/requirements.txt
COPY manage.py package.json package-lock.json .npmrc ./
COPY hms_gov hms_gov
COPY metrics_app metrics_app
COPY pipelines_app pipelines_app
COPY templates templates
RUN HMS_DATA_DIR=/tmp/build python manage.py build_assets

FROM python:3.12-slim
RUN useradd --uid 10001 --create-home hms && install -d -o hms -g hms /data
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HMS_DATA_DIR=/data
USER hms
VOLUME /data
EXPOSE 8000
# Its `send` waits for the reader, so that a slow one costs no memory; deflate would cost a core.
CMD ["uvicorn", "hms_gov.asgi:application", "--host", "0.0.0.0", "--port", "8000", \
     "--lifespan", "off", "--ws", "websockets-sansio", "--ws-per-message-deflate", "false"]
