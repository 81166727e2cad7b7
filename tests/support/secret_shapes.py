"""Shapes of tokens that services hand out, and the settings in which they stand in files.

Every value is drawn from a seeded generator when a test runs. A ``|`` in a shape is left out of the
token, so that no scanner of this repository has anything to find; ``{A32}`` are 32 drawn characters
of an alphabet, ``{uuid}`` is one.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Iterator
from pathlib import Path

LOWER, UPPER, DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
ALPHABETS = {
    "A": string.ascii_letters + DIGITS,
    "B": string.ascii_letters + DIGITS + "-_",
    "b": string.ascii_letters + DIGITS + "+/",
    "U": UPPER + DIGITS,
    "R": UPPER + "234567",
    "l": LOWER + DIGITS,
    "h": DIGITS + "abcdef",
    "d": DIGITS,
    "p": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
}
SHAPES = """
1password service account: ops|_eyJ{A260}
adobe: p8e|-{h32}
age: AGE-|SECRET-KEY-1{p58}
airtable: pat|{A14}.{h64}
aiven: AVNS|_{B19}
alibaba: LTAI|{A20}
anthropic: sk-|ant-api03-{B93}AA
apify: apify|_api_{A36}
artifactory: AKCp|{A69}
artifactory reference: cmVmd|{A59}
atlassian: ATATT|3xFfGF0{B150}={U8}
aws: AK|IA{R16}
aws session: AS|IA{R16}
aws bedrock: AB|SK{b109}=
azure devops: {A76}|AZDO{A4}
azure function: https://team.azurewebsites.net/api/f?|code={B44}AzFu{A6}==
azure sas: https://team.blob.core.windows.net/c?sv=2022-11-02&sp=r&|sig={A43}%3D
azure secret: {A3}|8Q~{A34}
azure storage: AccountName=team;Account|Key={b86}==
bitbucket: AT|BB{A32}
braintree: access_|token$production${l16}${h32}
buildkite: bkua|_{h40}
cerebras: csk|-{l48}
circleci: CCIPAT|_{A22}_{h40}
clojars: CLOJARS|_{h60}
cloudflare: v1.0|-{h24}-{h146}
cloudinary: cloudinary|://{d15}:{A27}@team
contentful: CFPAT|-{B43}
crates: cio|{A32}
databricks: dapi|{h32}
digitalocean: dop|_v1_{h64}
digitalocean oauth: doo|_v1_{h64}
discord: M{A23}|.{B6}.{B27}
discord webhook: https://discord.com/api|/webhooks/{d18}/{B68}
docker hub: dckr|_pat_{B27}
doppler: dp.|pt.{A43}
doppler service: dp.|st.prd.{A43}
dropbox: sl|.{B136}
duffel: duffel|_live_{B43}
dynatrace: dt0c01|.{U24}.{U64}
easypost: EZ|AK{A54}
elevenlabs: sk|_{h48}
ethereum key: 0x|{h64}
facebook: EA|A{A100}
figma: figd|_{B40}
firebase: AAAA{B7}|:APA91b{B134}
fly: fm2|_{A120}
frameio: fio-u|-{B64}
github: gh|p_{A36}
github app: gh|s_{A36}
github fine-grained: github|_pat_{A22}_{A59}
gitlab: glp|at-{B20}
gitlab deploy: gld|t-{B20}
gitlab runner: glr|t-{B20}
google: AI|za{B35}
google access: ya29|.{B80}
google oauth: GOC|SPX-{B28}
grafana: gl|sa_{A32}_{h8}
grafana cloud: gl|c_eyJ{A100}
groq: gs|k_{A52}
harness: pat|.{A22}.{h24}.{A20}
heroku: HR|KU-AA{B58}
hubspot: pat|-na1-{uuid}
hugging face: hf|_{A34}
infracost: ico|-{A32}
json web token: eyJ|hbGciOiJIUzI1NiJ9.eyJzdWIiOi{A24}.{B43}
langfuse: sk-lf|-{uuid}
langsmith: lsv2|_pt_{h32}_{h10}
launchdarkly: sdk|-{uuid}
linear: lin|_api_{A40}
mailchimp: {h32}|-us12
mailgun: key|-{h32}
mapbox: sk|.eyJ{A60}.{B22}
maxmind: {A6}|_{A29}_mmk
mongodb atlas: mdb|_sa_sk_{B40}
neon: napi|_{l64}
netlify: nfp|_{A36}
new relic: NRAK|-{U27}
new relic licence: {h32}|FFFFNRAL
notion: ntn|_{A46}
notion, older: secret|_{A43}
npm: npm|_{A36}
nuget: oy2|{l43}
nvidia: nvapi|-{B64}
octopus: API|-{U26}
openai: sk-|proj-{B64}
openrouter: sk-|or-v1-{h64}
perplexity: pplx|-{A48}
pinecone: pcsk|_{A6}_{A60}
planetscale: pscale|_tkn_{B43}
planetscale password: pscale|_pw_{B43}
plaid: access|-production-{uuid}
postman: PM|AK-{h24}-{h34}
prefect: pnu|_{A36}
pulumi: pul|-{h40}
pypi: pypi|-AgEIcHlwaS5vcmc{B90}
readme: rdme|_{l70}
render: rnd|_{A32}
replicate: r8|_{A37}
resend: re|_{A8}_{A24}
rubygems: rubygems|_{h48}
scalingo: tk-us|-{B48}
sendgrid: S|G.{B22}.{B43}
sendinblue: xkeysib|-{h64}-{A16}
sentry: sntryu|_{h64}
shippo: shippo|_live_{h40}
shopify: shpat|_{h32}
slack: xo|xb-{d12}-{d12}-{A24}
slack app: xa|pp-1-A{U10}-{d13}-{h64}
slack webhook: https://hooks.slack|.com/services/T{U8}/B{U10}/{A24}
sonar: squ|_{h40}
sonar project: sqp|_{h40}
sourcegraph: sgp|_{h16}_{h40}
square: sq0atp|-{B22}
stripe: sk|_live_{A24}
stripe restricted: rk|_live_{A24}
stripe webhook: whsec|_{A32}
supabase: sbp|_{h40}
supabase secret: sb|_secret_{B31}
tailscale: tskey|-auth-{A12}CNTRL-{A32}
tavily: tvly|-{A32}
teams webhook: https://team.webhook.office|.com/webhookb2/{uuid}@{uuid}/IncomingWebhook/{h32}/{uuid}
telegram: {d10}|:AA{B33}
tencent: AKID|{A32}
terraform: {A14}|.atlasv1.{B67}
together: tgp|_v1_{B43}
trello: ATTA|{h64}
twilio: SK|{h32}
typeform: tfp|_{B44}_{B14}
vault: hvs|.{B95}
vault, short: hvs|.CAESI{A40}
vault batch: hvb|.{B150}
vercel: vcp|_{B56}
voyage: pa|-{B43}
xai: xai|-{A80}
yandex: AQVN|{B36}
zuplo: zpka|_{l32}_{h8}
"""
MORE = Path(__file__).parents[1] / "fixtures/secrets/shapes.txt"
SETTINGS = {
    "quoted": '    client = open_client("{}")',
    "argument": '    return fetch(host, "{}", retries=3)',
    "single quotes": "const found = await open('{}', host);",
    "environment": "SERVICE={}",
    "shell": "export SERVICE={}",
    "flag": "tool --use {} run",
    "comment": "    # works with {} until March",
    "comment of C": "  // see {}",
    "yaml": "  service: {}",
    "json": '  "service": "{}",',
}
_PART = re.compile(r"\{(\w)(\d+)\}|\{uuid\}|\|")


def shapes() -> dict[str, str]:
    """Each kind's shape."""
    lines = [*SHAPES.strip().splitlines(), *MORE.read_text().splitlines()]
    return dict(line.split(": ", 1) for line in lines)


def drawn_from(shape: str, rng: random.Random) -> str:
    """A token of a shape."""

    def part(match: re.Match[str]) -> str:
        if match[0] == "|":
            return ""
        if match[0] == "{uuid}":
            return "-".join(_drawn(rng, "h", size) for size in (8, 4, 4, 4, 12))
        return _drawn(rng, match[1], int(match[2]))

    return _PART.sub(part, shape)


def tokens(seed: int) -> Iterator[tuple[str, str]]:
    """(kind, a token of it), one of each."""
    rng = random.Random(seed)
    for kind, shape in shapes().items():
        yield kind, drawn_from(shape, rng)


def _drawn(rng: random.Random, alphabet: str, length: int) -> str:
    """Not ending in a mark, as tokens do in a sentence."""
    found = "".join(rng.choices(ALPHABETS[alphabet], k=length - 1))
    return found + rng.choice([c for c in ALPHABETS[alphabet] if c.isalnum()])
