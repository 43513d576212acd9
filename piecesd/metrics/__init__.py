"""What Prometheus is told: counts at the end of each request, figures when it
asks, and how late the reactor runs."""
