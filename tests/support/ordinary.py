"""Ordinary traffic without secrets: fields, parameters, JSON and command lines as servers and clients send them."""

from __future__ import annotations

import json
from itertools import product

FIELDS = {
    "Accept": ["*/*", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "application/json", "image/avif,image/webp"],
    "Accept-Encoding": ["gzip, deflate, br", "identity"],
    "Accept-Language": ["en-US,en;q=0.5", "de-DE"],
    "Accept-Ranges": ["bytes"],
    "Access-Control-Allow-Credentials": ["true"],
    "Access-Control-Allow-Headers": ["Authorization, Content-Type, X-Api-Key, X-CSRF-Token"],
    "Access-Control-Allow-Origin": ["*", "https://example.org"],
    "Access-Control-Expose-Headers": ["X-Auth-Token, ETag"],
    "Access-Control-Max-Age": ["86400"],
    "Access-Control-Request-Headers": ["authorization,x-csrf-token"],
    "Age": ["0", "3600"],
    "Allow": ["GET, HEAD, OPTIONS"],
    "Alt-Svc": ['h3=":443"; ma=86400'],
    "Author": ["Joe Bloggs"],
    "Authority": ["example.org"],
    "Cache-Control": ["no-cache", "max-age=31536000, immutable", "private, must-revalidate"],
    "Connection": ["keep-alive", "close", "Upgrade"],
    "Content-Disposition": ['attachment; filename="key-report.pdf"', 'form-data; name="file"'],
    "Content-Length": ["0", "1234567"],
    "Content-Range": ["bytes 0-499/1234"],
    "Content-Security-Policy": ["default-src 'self'; img-src https://img.example.org data:", "frame-ancestors 'none'"],
    "Content-Type": ["text/html; charset=utf-8", "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW"],
    "Cross-Origin-Opener-Policy": ["same-origin"],
    "Date": ["Tue, 15 Nov 1994 08:12:31 GMT"],
    "DNT": ["1"],
    "ETag": ['"33a64df551425fcc55e4d42a148795d9f25f89d4"', 'W/"0815"'],
    "Expires": ["Thu, 01 Dec 1994 16:00:00 GMT", "0"],
    "Forwarded": ["for=192.0.2.60;proto=http;by=203.0.113.43"],
    "From": ["webmaster@example.org"],
    "Host": ["example.org:8080", "[::1]:80"],
    "Idempotency-Key": ["8e03978e-40d5-43dd-bc93-6894a57f9324"],
    "If-Match": ['"67ab43"'],
    "If-Modified-Since": ["Sat, 29 Oct 1994 19:43:31 GMT"],
    "If-None-Match": ['W/"67ab43"', "*"],
    "Keep-Alive": ["timeout=5, max=1000"],
    "Last-Modified": ["Tue, 15 Nov 1994 12:45:26 GMT"],
    "Link": ['<https://api.example.org/items?page=2&per_page=50>; rel="next"', "</style.css>; rel=preload"],
    "Location": ["/login?next=/account", "https://example.org/keys/12?tab=authors#code"],
    "Max-Forwards": ["10"],
    "NEL": ['{"report_to":"default","max_age":31536000}'],
    "Origin": ["https://example.org", "null"],
    "Permissions-Policy": ["geolocation=(), camera=()"],
    "Pragma": ["no-cache"],
    "Priority": ["u=1, i"],
    "Proxy-Authenticate": ['Basic realm="proxy"'],
    "Proxy-Connection": ["keep-alive"],
    "Range": ["bytes=0-1023"],
    "RateLimit-Policy": ["100;w=60"],
    "Referer": ["https://example.org/search?q=how+to+reset+a+password&page=2", "https://example.org/auth/login"],
    "Referrer-Policy": ["strict-origin-when-cross-origin"],
    "Report-To": ['{"group":"default","endpoints":[{"url":"https://r.example.org/a?s=1"}]}'],
    "Retry-After": ["120"],
    "Sec-CH-UA": ['"Chromium";v="118", "Not=A?Brand";v="99"'],
    "Sec-Fetch-Dest": ["document"],
    "Sec-Fetch-Mode": ["navigate"],
    "Sec-WebSocket-Accept": ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
    "Sec-WebSocket-Key": ["dGhlIHNhbXBsZSBub25jZQ=="],
    "Sec-WebSocket-Protocol": ["chat"],
    "Sec-WebSocket-Version": ["13"],
    "Server": ["nginx/1.22.1", "Apache/2.4.57 (Debian)"],
    "Server-Timing": ["db;dur=53, app;dur=47.2", "cdn-cache; desc=HIT"],
    "Signature-Input": ['sig1=("@method" "@authority");created=1618884473;keyid="test-key"'],
    "Strict-Transport-Security": ["max-age=63072000; includeSubDomains"],
    "Surrogate-Key": ["article-12 author-7"],
    "TE": ["trailers"],
    "Timing-Allow-Origin": ["*"],
    "traceparent": ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
    "tracestate": ["congo=t61rcWkgMzE"],
    "Transfer-Encoding": ["chunked"],
    "Upgrade": ["websocket", "h2c"],
    "Upgrade-Insecure-Requests": ["1"],
    "User-Agent": [
        "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/118.0",
        "curl/8.4.0",
        "Go-http-client/1.1",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    ],
    "Vary": ["Accept-Encoding, Cookie, Authorization"],
    "Via": ["1.1 vegur", "1.0 fred, 1.1 p.example.net"],
    "WWW-Authenticate": ['Basic realm="site"', 'Bearer error="invalid_token", error_description="The token expired"'],
    "X-Amz-Cf-Id": ["3jGuVzBnxVBQZxuIUXqnE7EaSBr5tvaLqdPRI2cRlCwK2Nl7ogW8AA=="],
    "X-Amz-Date": ["20231127T101112Z"],
    "X-Amz-Id-2": ["EXAMPLE+abc/def0123456789="],
    "X-Amz-Request-Id": ["4442587FB7D0A2F9"],
    "X-Cache": ["HIT", "Miss from cloudfront"],
    "X-Cache-Key": ["/items?page=2 GET"],
    "X-Content-Type-Options": ["nosniff"],
    "X-Correlation-ID": ["f058ebd6-02f7-4d3f-942e-904344e8cde5"],
    "X-Forwarded-For": ["203.0.113.195, 2001:db8:85a3:8d3:1319:8a2e:370:7348"],
    "X-Forwarded-Host": ["example.org"],
    "X-Forwarded-Proto": ["https"],
    "X-Frame-Options": ["DENY"],
    "X-Powered-By": ["Express", "PHP/8.2.1"],
    "X-RateLimit-Limit": ["60"],
    "X-RateLimit-Remaining": ["59"],
    "X-Real-IP": ["203.0.113.195"],
    "X-Request-ID": ["f058ebd6-02f7-4d3f-942e-904344e8cde5"],
    "X-Requested-With": ["XMLHttpRequest"],
    "X-Robots-Tag": ["noindex"],
    "X-Runtime": ["0.041223"],
    "X-UA-Compatible": ["IE=edge"],
    "X-XSS-Protection": ["1; mode=block"],
    "X-Token-Type": ["bearer"],
    "X-Auth-Method": ["password"],
    "X-Session-Count": ["3"],
}
PATHS = """
    / /index.html /api/v1/users /api/v1/users/1234 /static/js/main.3f2a9c1b.js /auth/login /oauth/token /oauth/authorize
    /password/reset /keys /keyboard/layouts /authors/7/books /tokens/count /codes/zip /secrets-of-the-sea /pins/12
    /sessions/new /wp-content/themes/x/style.css /.well-known/openid-configuration /users/joe@example.org /a/b/c.d
    /api/session/current /api/token/refresh /images/2023/11/photo-1234567.jpg /favicon.ico /healthz /metrics /ping/4
""".split()
PARAMETERS = """
    q=red+shoes page=2 per_page=50 sort=name order=desc limit=100 offset=200 id=1234 user=joe email=joe%40example.org
    lang=en-US country_code=DE zipcode=10115 category=keyboards author=bloggs keyword=secret+garden keywords=a,b
    utm_source=newsletter utm_campaign=2023-11-spring fbclid_present=1 ref=home callback=jQuery35109_1700000000000
    v=3f2a9c1b ts=1700000000000 _=1700000000000 from=2023-01-01 to=2023-12-31T23%3A59%3A59Z tz=Europe%2FBerlin
    lat=52.52 lon=13.40 width=640 height=480 format=json fields=id,name,token_type include=author,sessions
    filter%5Bname%5D=joe filter[status]=open sort_key=created_at partition_key=eu-west-1 primary_key=id public_key=none
    token_type=bearer grant_type=authorization_code response_type=code client_id=my-app scope=openid+profile
    state=af0ifjsldkj nonce=n-0S6_WzA2Mj code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw code=404 code=US
    max_tokens=256 page_token=CAUQAA pageToken=CAUQAA nextPageToken=Q0FVUUFB session_count=3 has_password=true
    is_secret=false auth_type=basic redirect_uri=https%3A%2F%2Fh%2Fcb url=https%3A%2F%2Fexample.org%2Fa%3Fb%3Dc
    hash=3f2a9c1b monkey=george turkey=istanbul design=modern assigned=joe signal=strong passenger=2 passport=no
    compass=north authority=example.org opinion=yes shipping=express pinned=true encoding=utf-8 decoder=x mode=dark
""".split()
DOCUMENTS = [
    {
        "id": 1234,
        "name": "Joe Bloggs",
        "email": "joe@example.org",
        "created_at": "2023-11-27T10:11:12Z",
        "active": True,
    },
    {"token_type": "Bearer", "expires_in": 3600, "scope": "openid profile"},
    {
        "usage": {"prompt_tokens": 12, "completion_tokens": 345, "total_tokens": 357},
        "max_tokens": 1024,
        "model": "x-large",
    },
    {"error": {"code": "invalid_token", "message": "The access token expired", "status": 401}},
    {"items": [{"key": "PROJ-12", "value": "open"}, {"key": "color", "value": "red"}], "next_page_token": "CAUQAA"},
    {"author": {"name": "Bloggs"}, "authority": "example.org", "keywords": ["secret", "token"], "keyboard": "qwerty"},
    {
        "country_code": "DE",
        "zipcode": "10115",
        "error_code": 17,
        "status_code": 200,
        "code": "EUR",
        "currency_code": "EUR",
    },
    {"session": {"count": 3, "duration": 120}, "session_count": 4, "sessions": 12, "session_start": "2023-11-27"},
    {
        "password_required": True,
        "has_password": False,
        "password_expires_at": "2024-01-01",
        "password_policy": "strong",
    },
    {"primary_key": "id", "foreign_key": "user_id", "sort_key": "created", "partition_key": "eu", "key_id": "k-17"},
    {
        "token_endpoint": "https://h/oauth/token",
        "authorization_endpoint": "https://h/oauth/authorize",
        "jwks_uri": "https://h/jwks",
    },
    {"passed": 12, "failed": 0, "pass": 12, "skipped": 3, "pass_rate": 0.98, "bypass": "none", "passenger": "Joe"},
    {"signature_algorithm": "ed25519", "signal": "strong", "design": "x", "assigned_to": "joe", "assertions": 12},
    {"pins": [1, 2, 3], "pinned": True, "shipping": "express", "opinion": "good", "spin": "left", "pin_count": 4},
    {"cookie_consent": "all", "cookie_policy": "https://h/cookies", "cookies_enabled": True},
    {"credentials": "same-origin", "mode": "cors", "auth": False, "auth_method": "basic", "is_secret": False},
    {"secret_name": "db", "secretRef": {"name": "db-login"}, "kind": "Secret", "apiVersion": "v1"},
    {"hash": "3f2a9c1b", "etag": "0815", "checksum": "sha256:33a64df551425fcc55e4d42a148795d9f25f89d4"},
    {"lat": 52.52, "lon": 13.4, "text": 'a "quoted" word: password', "html": '<input type="password">'},
]
PROGRAMS = """
nginx: worker process
/usr/sbin/nginx -g daemon off;
python3 -m http.server --bind ::1 8000
python3 manage.py runserver 0.0.0.0:8000 --settings=app.settings.dev
python3 -c import time; time.sleep(5)
node --max-old-space-size=4096 server.js --port 3000
java -Xmx2g -Dfile.encoding=UTF-8 -jar /opt/app/app.jar --server.port=8080
curl -s -o /dev/null -w %{http_code} http://example.org/items?page=2
curl -fsSL https://example.org/install.sh
curl -H Accept: application/json -X POST -d name=joe&age=3 http://h/
curl --json {"name":"joe","tags":["a","b"]} http://h/
curl -u joe http://h/
curl --key client.pem --cert client.crt https://h/
curl --cookie-jar /tmp/jar -b /tmp/jar http://h/
wget -q -O - https://example.org/a.tar.gz
git clone git@github.com:example/repo.git
git commit -m Mask the password in logs
git config credential.helper store
docker run -d -p 8080:80 --name web -e MODE=prod nginx:1.25
docker run -u 1000:1000 -v /a:/b busybox@sha256:33a64df551425fcc
docker exec -it web sh -c ls -la
kubectl get secret db-login -o yaml
kubectl -n kube-system port-forward svc/web 8080:80
ssh -i /home/joe/.ssh/id_ed25519 -p 2222 joe@example.org uptime
rsync -avz -e ssh /a/ joe@example.org:/b/
scp file joe@example.org:/tmp/
mysql -u root -h db.example.org app
psql -h db -U app -d app -c select count(*) from users
redis-cli -h cache -p 6379 ping
redis-server *:6379
postgres: app app 10.0.0.1(40000) idle
grep -rn password /etc/app
grep -i token file.txt
openssl req -new -key server.key -out server.csr
ssh-keygen -t ed25519 -f /home/joe/.ssh/id
passwd joe
tar -xzf a.tar.gz -C /opt
ps -eF
find / -name *.key
systemctl restart app.service
env PATH=/bin:/usr/bin LANG=C.UTF-8 app --verbose
bash -c for i in 1 2 3; do echo $i; done
sh -c cd /app && npm run build
sudo -u postgres psql
app --token-file /run/secrets/token --password-stdin
app --auth-type basic --key-size 4096 --session-timeout=30m
app --authors a,b --keywords=x --pinned --design=modern
gunicorn -w 4 -b 0.0.0.0:8000 app.wsgi:application
celery -A app worker --loglevel=info
uvicorn main:app --host 0.0.0.0 --port 8000 --reload
h2load -n 1000 -c 10 http://127.0.0.1:8000/
ffmpeg -i in.mp4 -c:v libx264 -b:v 2M out.mp4
""".strip().split("\n")


def fields() -> list[tuple[str, str]]:
    """Fields of heads, in several cases of letters."""
    cases = (str, str.lower, str.upper)
    return [(case(name), value) for name, values in FIELDS.items() for value in values for case in cases]


def targets() -> list[str]:
    """Targets: paths, with parameters alone and in pairs."""
    pairs = [f"{first}&{second}" for first, second in zip(PARAMETERS, PARAMETERS[1:] + PARAMETERS[:1], strict=True)]
    return [*PATHS, *(f"{path}?{query}" for path, query in product(PATHS, [*PARAMETERS, *pairs]))]


def documents() -> list[str]:
    """JSON as several libraries write it."""
    forms = ({}, {"indent": 2}, {"separators": (",", ":")})
    return [json.dumps(document, **form) for document in DOCUMENTS for form in forms]


def commands() -> list[tuple[str, ...]]:
    """Command lines; of each, its words."""
    return [tuple(line.split(" ")) for line in PROGRAMS]
