"""Who came, and the strict content security policy of every page."""

from hms_gov.logins import find_visitor

POLICY = "; ".join(
    [
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)


class VisitorMiddleware:
    """Sets REMOTE_ADDR to who came, as TRUSTED_PROXIES has it; nobody further in reads X-Forwarded-For."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if (visitor := find_visitor(request)) is not None:
            request.META["REMOTE_ADDR"] = str(visitor)
        request.META.pop("HTTP_X_FORWARDED_FOR", None)
        return self.get_response(request)


class ContentSecurityPolicyMiddleware:
    """Allows only what this origin serves: no inline script, no inline style."""

    # Ours while Django 5.2 is supported: 6.0 brings such a middleware, and django-csp for both would
    # be a dependency with a pin to look after, in place of six lines; the policy is as long anywhere.

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response
