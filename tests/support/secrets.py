"""Places in which secrets travel, each with a secret of its own, and ordinary traffic that has none."""

from __future__ import annotations

from itertools import count, product
from typing import NamedTuple
from urllib.parse import quote

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

# of what is issued by hand and by vendors
FIELDS = """
    Authentication X-Authorization X-Authentication X-Auth-Secret X-Auth-Password X-Api-Token X-Api-Secret X-App-Key
    X-App-Token X-App-Secret X-Application-Key X-Access-Key X-Access-Secret X-Account-Key X-Admin-Token X-Admin-Key
    X-User-Token X-Device-Token X-Deploy-Token X-Deploy-Key X-Bearer-Token X-Refresh-Token X-Id-Token X-Csrftoken
    X-Csrf X-Xsrf-Header-Token X-Session X-SessionID X-Session-Key X-Session-Secret X-Signature X-Hmac X-Hmac-Signature
    X-Webhook-Secret X-Webhook-Signature X-Request-Signature X-Line-Signature X-Shopify-Hmac-Sha256 X-Twilio-Signature
    X-Client-Key X-Client-Token X-Encryption-Key X-Master-Key X-Service-Token X-Service-Key X-Storage-Key
    X-Subscription-Token X-Okta-Token X-Contentful-Token X-Sentry-Auth X-Newrelic-Api-Key Circle-Token Fastly-Key
    CF-Access-Client-Secret Cf-Access-Jwt-Assertion X-Amz-Cf-Secret Travis-Token Api-Token apikey Secret Password
    X-Passphrase X-Otp X-Totp-Code X-Pin Session-Token Auth-Token Access-Token Signature Client-Secret
""".split()
PARAMETERS = """
    accessToken idToken refreshToken clientSecret client-secret secret_key secretKey signing_key private_key privateKey
    user_password newPassword passwd pwd passcode pw auth authToken oauth_token oauth_verifier oauth_signature
    xoauth_token code_verifier device_code api_token apiToken apiSecret api_secret app_token appSecret session_id
    sessionToken PHPSESSID csrf_token csrf xsrf _csrf csrfmiddlewaretoken X-Goog-Signature X-Goog-Credential
    hub.verify_token SAMLart subscription_key licence_key master_key security_code otp_code pass%77ord %74oken
    login[password] auth[token] credentials[secret] tokens[] db_pass
""".split()
KEYS = """
    token accessToken refresh_token id_token client_secret clientSecret password newPassword passwordConfirmation
    passphrase apiKey api_key secretAccessKey secret_access_key privateKey private_key sessionToken session_id jwt
    otp pin cvv signature authorization credentials cookie csrfToken
""".split()
JSON = '{"password":"'
LOCATIONS = [
    "Location",
    "Content-Location",
    "Refresh",
    "Link",
    "X-Original-URL",
    "X-Forwarded-Uri",
    "Referer",
    "Origin",
]


class Place(NamedTuple):
    """A secret that travels in a place of its own.

    what: where that is.
    secret: the secret.
    request, response: the exchange with it.
    """

    what: str
    secret: str
    request: bytes
    response: bytes = OK


def places() -> list[Place]:
    """All of them."""
    numbers = count()
    made: list[Place] = []

    def add(what: str, request: str, response: str = OK.decode()) -> None:
        secret = f"Zq{next(numbers):03d}k7WvX2mR9t"
        made.append(Place(what, secret, request.replace("$", secret).encode(), response.replace("$", secret).encode()))

    def get(what: str, target: str, fields: str = "") -> None:
        add(what, f"GET {target} HTTP/1.1\r\nHost: h\r\n{fields}\r\n")

    def post(what: str, kind: str, body: str) -> None:
        length = len(body.replace("$", "Zq000k7WvX2mR9t"))
        head = f"POST / HTTP/1.1\r\nHost: h\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
        add(f"request's {what}", head + body)
        answer = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
        add(f"response's {what}", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", answer)

    for name in FIELDS:
        get(f"field {name}", "/", f"{name}: $\r\n")
    for name, value in product(
        ("Authorization", "proxy-authorization", "X-Forwarded-Authorization"),
        ("Bearer $", "$", "Basic $", 'Digest username="u", response="$"', "Token token=$"),
    ):
        get(f"field {name}: {value}", "/", f"{name}: {value}\r\n")
    for value in ("a=$", "a=b; c=$", "$"):
        get(f"cookie {value}", "/", f"Cookie: {value}\r\n")
        add(f"set-cookie {value}", "GET / HTTP/1.1\r\n\r\n", f"HTTP/1.1 204 No\r\nSet-Cookie: {value}; Path=/\r\n\r\n")
    for name in PARAMETERS:
        get(f"parameter {name}", f"/p?x=1&{name}=$&y=2")
    for what, target in {
        "matrix parameter": "/a;jsessionid=$?x=1",
        "fragment": "/a#access_token=$",
        "authorization code": "/callback?code=$&state=abc",
        "key": "/maps?key=$",
        "path behind token": "/reset/token/$",
        "bot's path": "/bot42:$/send",
        "user information": "http://joe:$@h/",
        "user information without scheme": "//joe:$@h/",
        "key for a user": "http://$@h/",
        "encoded URL": f"/login?next={quote('https://h/?token=', safe='')}$",
        "URL twice encoded": f"/l?next={quote(quote('https://h/?x=1&token=', safe=''), safe='')}$",
        "encoded JSON": f"/q?data={quote(JSON)}$%22%7D",
        "JWT": "/x/eyJhbGciOiJI.eyJzdWIiOiIx.$",
        "GitHub's token": "/x/ghp_$",
        "blank in a target": "/?token=$ x",
        "ampersand of HTML": "/?a=b&amp;token=$",
        "URL in a parameter": "/?to=/x?token=$",
        "colon for equals": "/?token:$",
        "semicolons in a password": "/?password=a;b$&x=1",
        "encoded name": "/?%70%61ssword=$",
    }.items():
        get(what, target)
    add("CONNECT", "CONNECT joe:$@h:443 HTTP/1.1\r\n\r\n", "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
    for name in LOCATIONS:
        value = {"Refresh": "0; url=http://h/?token=$", "Link": '<http://h/?token=$>; rel="next"'}.get(name)
        value = value or ("http://u:$@h" if name == "Origin" else "http://h/?token=$")
        add(f"URL in {name}", f"GET / HTTP/1.1\r\n{name}: {value}\r\n\r\n")
        add(f"URL in a response's {name}", "GET / HTTP/1.1\r\n\r\n", f"HTTP/1.1 204 No\r\n{name}: {value}\r\n\r\n")
    for key in KEYS:
        post(f"JSON {key}", "application/json", f'{{"user": "joe", "{key}": "$"}}')
    for what, kind, body in (
        ("form", "application/x-www-form-urlencoded", "user=joe&password=$"),
        ("form without a type", "", "user=joe&password=$"),
        ("JSON with a wrong type", "text/plain", '{"token":"$"}'),
        ("JSON in JSON", "application/json", r'{"body":"{\"token\":\"$\"}"}'),
        ("JSON with an escaped key", "application/json", r'{"\u0070assword":"$"}'),
        ("array of tokens", "application/json", '{"tokens":["$","b"]}'),
        ("object of secrets", "application/json", '{"secrets":{"x":"$"}}'),
        ("session's id", "application/json", '{"session":{"id":"$"}}'),
        ("JSON that is cut", "application/json", '{"password":"$'),
        ("event", "text/event-stream", 'data: {"token":"$"}\n\n'),
        ("URL in JSON", "application/json", '{"dsn":"postgres://joe:$@db/x"}'),
        ("message in a message", "message/http", "GET / HTTP/1.1\r\nAuthorization: Bearer $\r\n\r\n"),
        (
            "part",
            "multipart/form-data; boundary=x",
            '--x\r\nContent-Disposition: form-data; name="password"\r\n\r\n$\r\n--x--\r\n',
        ),
        (
            "part with JSON",
            "multipart/form-data; boundary=x",
            '--x\r\nContent-Disposition: form-data; name="a"\r\nContent-Type: application/json\r\n\r\n'
            '{"token":"$"}\r\n--x--\r\n',
        ),
    ):
        post(what, kind, body)
    get("name without a colon", "/", "Authorization Bearer $\r\n")
    get("name on a line of its own", "/", "Authorization\r\n: Bearer $\r\n")
    get("folded", "/", "Authorization:\r\n Bearer $\r\n")
    get("behind a bare CR", "/", "X-A: b\rAuthorization: Bearer $\r\n")
    get("behind a NUL", "/", "\0Authorization: Bearer $\r\n")
    get("blank before the colon", "/", "Authorization : Bearer $\r\n")
    add("words behind a status", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 401 token=$\r\nContent-Length: 0\r\n\r\n")
    add("bare line feeds", "GET / HTTP/1.1\nAuthorization: Bearer $\n\n")
    add(
        "trailer",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Api-Key: $\r\n\r\n",
    )
    add(
        "divided by chunks",
        'POST / HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"pas\r\n'
        '19\r\nsword":"$"}\r\n0\r\n\r\n',
    )
    return made


COMMANDS = """
curl|-u|joe:$|http://h/
curl|-ujoe:$|http://h/
curl|-fsSu|joe:$
curl|-sujoe:$
curl|--user|joe:$
curl|--user=joe:$
curl|--proxy-user|joe:$
curl|-Ujoe:$
curl|--oauth2-bearer|$
curl|-H|X-Auth-Token: $
curl|-HX-Auth-Token: $
curl|-kH|Authorization: Basic $
curl|--header=Authorization: Basic $
curl|--proxy-header|Proxy-Authorization: Basic $
curl|-H|Cookie: a=$
curl|-b|a=$
curl|-sba=$
curl|--cookie=a=$
curl|-d|pass=$
curl|-sd|token=$
curl|-d|{"secret":"$"}
curl|--data-raw|user=joe&password=$
curl|--data-binary={"token": "$"}
curl|-F|password=$
curl|--form|token=$
curl|--json|{"apiKey":"$"}
curl|-e|http://h/?token=$
curl|http://joe:$@h/
curl|https://h/?api_key=$
curl|joe:$@h/
curl|-x|http://joe:$@proxy:3128
curl|-xjoe:$@proxy:3128
curl|-E|cert.pem:$
curl|--cert|cert.pem:$
curl|--pass|$
curl|--tlspassword|$
curl|--proxy-tlspassword|$
wget|--password|$
wget|--ftp-password=$
wget|--header|X-Api-Key: $
wget|--post-data|token=$
http|-a|joe:$|h
http|h|Authorization:Bearer $
http|h|password=$
https|-A|bearer|-a|$
xh|--auth|joe:$
ab|-A|joe:$
ab|-C|session=$
hey|-H|Authorization: Bearer $
grpcurl|-H|x-api-key: $
grpcurl|-rpc-header|authorization: Bearer $
mysql|-p$
mysql|-uroot|-p$
mysqldump|--password=$
mariadb|-p$
psql|postgresql://joe:$@db/x
psql|host=db password=$ user=joe
redis-cli|-a|$
redis-cli|-u|redis://:$@h
mongosh|mongodb+srv://joe:$@h/x
mongodump|-p|$
sqlcmd|-P|$
sshpass|-p|$|ssh|h
sshpass|-p$|ssh|h
ldapsearch|-w|$
smbclient|-U|joe%$
openssl|enc|-k|$
openssl|rsa|-passin|pass:$
7z|x|-p$
unzip|-P|$
zip|-P|$
ipmitool|-P|$
snmpwalk|-c|$
docker|login|-p|$
docker|run|-e|API_TOKEN=$
podman|login|--password|$
helm|repo|add|--password|$
kubectl|--token=$
vault|login|$
aws|configure|set|aws_secret_access_key|$
git|clone|https://joe:$@h/x
git|clone|https://$@h/x
git|-c|http.extraHeader=Authorization: Bearer $|fetch
java|-Ddb.password=$
java|-Djavax.net.ssl.trustStorePassword=$
app|--token|$
app|--api-key|$
app|--apiKey=$
app|--client-secret=$
app|--secret|$
app|--jwt|$
app|--session-token=$
app|--pin=$
app|--otp|$
app|--encryption-key|$
app|--private-key=$
app|--db.passwd=$
app|-token=$
app|-password|$
app|/password:$
app|password|$
app|--dsn=mysql://joe:$@h/x
app|--header=eyJhbGciOiJI.eyJzdWIiOiIx.$
app|ghp_$
app|sk_live_$
app|xoxb-$
env|SECRET_KEY=$|app
env|DATABASE_URL=postgres://joe:$@h/|app
env|GH_PAT=$|app
env|AWS_SECRET_ACCESS_KEY=$|app
sudo|mysql|-p$
env|A=b|redis-cli|-a|$
sh|-c|curl -u joe:$ http://h/
sh|-c|curl -H "Authorization: Bearer $" http://h/
sh|-c|API_TOKEN=$ ./app
sh|-c|cd /x && mysql -p$
bash|-lc|exec app --token $
bash|-c|sh -c 'curl --oauth2-bearer $ h'
python3|-c|requests.get(u, headers={"Authorization": "Bearer $"})
python3|-c|os.environ['API_KEY'] = '$'
node|-e|fetch(u, {headers: {authorization: 'Bearer $'}})
""".strip().split("\n")


def commands() -> list[tuple[str, tuple[str, ...]]]:
    """Secrets, and the command lines that have them."""
    made = []
    for number, line in enumerate(COMMANDS):
        secret = f"Zq{number:03d}k7WvX2mR9t"
        made.append((secret, tuple(line.replace("$", secret).split("|"))))
    return made
