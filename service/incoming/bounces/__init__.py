"""Read what mail servers and providers say of messages that have left: bounces and complaints."""
