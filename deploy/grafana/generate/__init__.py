"""The dashboards, as code: `python -m deploy.grafana.generate` writes them to deploy/grafana/dashboards."""
