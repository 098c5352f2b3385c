"""Who counts readers, as far as it is commonly known: parameters, redirectors, click counters, pictures of one pixel.

Tables and the questions asked of them; they change when senders do, the code around them does not. Only names that
serve nothing but counting are here: a picture that is wrongly left out is missed by its reader.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

# Parameters that tell one reader, mailing or click from another and change nothing about the page.
MARKS = re.compile(
    r"utm_[a-z0-9_]{1,40}|(?:fb|g|ms|y|tt|tw|li_fat_|dc|gad_|s_k)clid|gbraid|wbraid|gclsrc|gad_source|gad_campaignid|igshid|igsh"
    r"|mc_[ce]id|mkt_tok|_hs(?:enc|mi)|__hs(?:tc|sc|fp)|hsctatracking|_openstat|yclid|wickedid|vero_(?:id|conv)|oly_(?:enc|anon)_id"
    r"|rb_clickid|s_cid|ml_subscriber(?:_hash)?|_branch_match_id|_bta_(?:tid|c)|trk_(?:contact|msg|module|sid)|sc_[clru]id"
    r"|elqtrackid|elqtrack|elqaid|elqat|__s|_ke|_kx|epik|pk_(?:campaign|kwd|source|medium)|mtm_[a-z]{1,20}|matomo_[a-z]{1,20}"
    r"|piwik_[a-z]{1,20}|ck_subscriber_id|dm_i|spm|fb_(?:action_ids|action_types|source|ref)|hmb_(?:campaign|medium|source)|twclid|srsltid"
)

# (host or its ending, start of the path, parameters that may carry the target). `google.*` is every Google.
Redirector = tuple[str, str, tuple[str, ...]]
REDIRECTORS: tuple[Redirector, ...] = (
    ("google.*", "/url", ("q", "url")),
    ("l.facebook.com", "/l.php", ("u",)),
    ("lm.facebook.com", "/l.php", ("u",)),
    ("l.instagram.com", "/", ("u",)),
    ("l.messenger.com", "/l.php", ("u",)),
    ("linkedin.com", "/redir", ("url",)),
    ("linkedin.com", "/safety/go", ("url",)),
    ("youtube.com", "/redirect", ("q",)),
    ("slack-redir.net", "/link", ("url",)),
    ("t.umblr.com", "/redirect", ("z",)),
    ("out.reddit.com", "/", ("url",)),
    ("vk.com", "/away.php", ("to",)),
    ("steamcommunity.com", "/linkfilter", ("u", "url")),
    ("duckduckgo.com", "/l/", ("uddg",)),
    ("href.li", "/", ()),
    ("exit.sc", "/", ("url",)),
    ("disq.us", "/url", ("url",)),
    ("awstrack.me", "/", ("url",)),
    ("click.redditmail.com", "/", ("url",)),
    ("googleadservices.com", "/pagead/aclk", ("adurl",)),
    ("doubleclick.net", "/", ("adurl", "ds_dest_url")),
    ("anrdoezrs.net", "/", ("url",)),
    ("awin1.com", "/", ("ued", "p")),
    ("shareasale.com", "/", ("urllink",)),
    ("go.skimresources.com", "/", ("url",)),
    ("redirectingat.com", "/", ("url",)),
)
# Gateways of the reader's own house look at a page when it is opened: their link stays, its target is only named.
GUARDS: tuple[Redirector, ...] = (
    ("safelinks.protection.outlook.com", "/", ("url",)),
    ("statics.teams.cdn.office.net", "/evergreen-assets/safelinks/", ("url",)),
    ("urldefense.proofpoint.com", "/", ("url",)),
    ("urldefense.com", "/", ("url",)),
    ("linkprotect.cudasvc.com", "/url", ("a",)),
    ("secure-web.cisco.com", "/", ("u",)),
    ("protect-de.mimecast.com", "/", ("domain",)),
)

# Services whose links lead everywhere after a count, with the target known to them alone.
_COUNTERS = re.compile(
    r"(?:^|\.)(?:list-manage\.com|sendgrid\.net|ct\.sendgrid\.net|mandrillapp\.com|mailgun\.org|sparkpostmail\.com|rs6\.net|hubspotlinks\.com"
    r"|hs-sites\.com|klclick\d?\.com|trk\.klclick\d?\.com|exacttarget\.com|exct\.net|mlsend\.com|createsend\d?\.com|cmail\d{1,2}\.com|emlnk\d?\.com"
    r"|sendibt\d\.com|sendibm\d\.com|mjt\.lu|convertkit-mail\d?\.com|getresponse\d{0,3}\.com|customeriomail\.com|infusionsoft\.com|awstrack\.me"
    r"|mkt\d{1,5}\.com|eloqua\.com|en25\.com|pardot\.com|bit\.ly|tinyurl\.com|t\.co|goo\.gl|ow\.ly|buff\.ly|lnkd\.in|is\.gd|rebrand\.ly)$"
)
_COUNTING_HOST = re.compile(
    r"^(?:click|clicks|trk|track|tracking|links?|lnk|email-link|go\.email|ablink|url\d{2,6}|ct|l)\d{0,3}\."
)
_COUNTING_PATH = re.compile(
    r"^/(?:ls/click|track/click|wf/click|ss/c/|c/eJ|click/[\w-]{16,}|e/c/|cl0?/|CL0/)"
)


def counts_clicks(host: str, path: str) -> bool:
    """Whether a link is a click counter whose target nobody here can know."""
    return bool(_COUNTERS.search(host) or (_COUNTING_HOST.match(host) and _COUNTING_PATH.match(path)))


# Pictures that only report that a mail was opened: services, and the paths their software gives them anywhere.
_PIXEL_HOSTS = re.compile(
    r"(?:^|\.)(?:google-analytics\.com|doubleclick\.net|bat\.bing\.com|pixel\.facebook\.com|mailtrack\.io|mltrk\.io|yesware\.com|t\.yesware\.com|bananatag\.com"
    r"|streak\.com|mailfoogae\.appspot\.com|getnotify\.com|readnotify\.com|mailstat\.us|didtheyreadit\.com|cirrusinsight\.com|superhuman\.com"
    r"|tinyletterapp\.com|pixel\.wp\.com|list-manage\.com|litmus\.com|emltrk\.com|liadm\.com|rlcdn\.com|demdex\.net|omtrdc\.net|adsrvr\.org"
    r"|movable-ink-\d{1,5}\.com|mailspring\.com|hubspotemail\.net|opens\.[\w-]+\.com|sidekickopen\d{0,3}\.com|track\.[\w-]+\.com)$"
)
_PIXEL_PATHS = re.compile(
    r"/(?:wf/open|track/open(?:\.php)?|open\.(?:gif|png|aspx|php|html)|o\.gif|ss/o/|e/o/|e2t/o/|e3t/o/|oo/|trk/open|openpixel|open_pixel|pixel\.(?:gif|png|jpg)"
    r"|spacer\.gif\?|beacon(?:\.gif|/)|imp\?|email/open|emails?/track|mail/open|ping\.gif|oc/|q/[\w-]{20,}~~|1x1(?:\.gif|\.png)?|clear\.gif|transp?\.gif\?|cgi-bin/mailtrack)",
    re.IGNORECASE,
)
MIN_SEEN = 3  # pixels: nobody looks at less
_HIDDEN = re.compile(
    r"(?:^|;)\s{0,9}(?:display\s{0,9}:\s{0,9}none|visibility\s{0,9}:\s{0,9}hidden|opacity\s{0,9}:\s{0,9}0(?:\.0{1,9})?\s{0,9}(?:;|!|$))",
    re.IGNORECASE,
)
_STYLED = re.compile(
    r"(?:^|;)\s{0,9}(?:max-)?(?:width|height)\s{0,9}:\s{0,9}(\d{1,5})(?:\.\d{1,9})?(?:px|pt)?\s{0,9}(?:;|!|$)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\s*(\d{1,5})(?![\d%])")


def is_pixel(url: str, *, width: str = "", height: str = "", style: str = "") -> bool:
    """Whether a picture is there to be counted, not to be seen.

    A line of 600×1 is drawn, so it may be looked at; a hidden picture of a real size is shown on narrow screens.
    """
    sizes = [int(match[1]) for text in (width, height) if (match := _NUMBER.match(text))]
    sizes += [int(each) for each in _STYLED.findall(style[:2000])]
    if sizes and (0 in sizes or max(sizes) < MIN_SEEN):
        return True
    if len(sizes) < 2 and _HIDDEN.search(style[:2000]):
        return True
    try:
        parts = urlsplit(url[:4096])
        host = parts.hostname or ""
    except ValueError:
        return False
    where = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return bool(_PIXEL_HOSTS.search(host) or _PIXEL_PATHS.search(where[:500]))
