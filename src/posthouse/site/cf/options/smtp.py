"""The options of the SMTP server and client, of TLS, of resolving hosts, and the time limits."""

from typing import Final

from posthouse.site.cf.options.kinds import BOOLEAN, LINES, MUNCHED, NUMBER, TEXT, Kind, choice, time, words
from posthouse.site.cf.options.row import Option, without_effect

_NO_TLS: Final = without_effect("TLS of the server and certificates of the client are not configured from a cf file")
_NO_AUTH: Final = without_effect("the server offers no authentication, and the client uses none")
_OWN_RESOLVER: Final = without_effect("names are asked of the name servers by our own resolver")
_NO_FILTER: Final = without_effect("mail filters (X lines) are not asked")

_PRIVACY: Final = words(
    "public needmailhelo needexpnhelo needvrfyhelo noexpn novrfy noetrn noverb restrictmailq restrictqrun "
    "restrictexpand noreceipts nobodyreturn authwarnings noactualrecipient goaway"
)
_RESOLVER: Final = words(
    "debug aaonly usevc primary igntc recurse defnames stayopen dnsrch use_inet6 true HasWildcardMX "
    "WorkAroundBrokenAAAA"
)

SMTP_OPTIONS: Final = (
    Option("AllowBogusHELO", "", BOOLEAN, False, "whether HELO may give something that is no name"),
    Option(
        "BadRcptThrottle",
        "",
        NUMBER,
        0,
        "after so many refused recipients commands from the network are answered a second later",
    ),
    Option("ClientPortOptions", "", LINES, (), "the address from which SMTP channels connect (Addr=)"),
    Option("ConnectionCacheSize", "k", NUMBER, 1, "keep-connections of SMTP channels"),
    Option("ConnectionCacheTimeout", "K", time("m"), 300, "idle of SMTP channels"),
    Option(
        "ConnectionRateThrottle",
        "",
        NUMBER,
        0,
        "connections in a second; more wait for their greeting, a minute at most",
    ),
    Option(
        "ConnectionRateWindowSize", "", time("s"), 60, without_effect("no rule is told how often a client connects")
    ),
    Option("ConnectOnlyTo", "", TEXT, "", "relay of every SMTP channel"),
    Option("DaemonPortOptions", "O", LINES, (), "listeners (Name=, Addr=, Port=, Family=)"),
    Option("DeliverByMin", "", time("s"), 0, without_effect("the extension DELIVERBY is not offered")),
    Option(
        "DirectSubmissionModifiers", "", TEXT, "", without_effect("local programs hand mail in without daemon flags")
    ),
    Option("DontExpandCnames", "", BOOLEAN, False, _OWN_RESOLVER),
    Option(
        "FallbackMXhost", "V", TEXT, "", without_effect("a host that cannot be reached is tried again, not relayed")
    ),
    Option("FallbackSmartHost", "", TEXT, "", without_effect("a host without MX or address is an error, not relayed")),
    Option("HeloName", "", TEXT, "", "helo of SMTP channels"),
    Option("HostsFile", "", TEXT, "/etc/hosts", "the hosts file of the host map, and of our own names"),
    Option("InputMailFilters", "", TEXT, "", _NO_FILTER),
    Option("MaxNOOPCommands", "", NUMBER, 20, without_effect("useless commands count as errors of the session")),
    Option(
        "MaxRecipientsPerMessage",
        "",
        NUMBER,
        0,
        "recipients of one message; limits.recipients at least, when greater than 0",
    ),
    Option("Milter", "", TEXT, "", _NO_FILTER),
    Option(
        "PrivacyOptions",
        "p",
        _PRIVACY,
        (),
        "what SMTP and reports keep to themselves; restrictmailq, restrictqrun and restrictexpand hold always",
    ),
    Option("RejectLogInterval", "", time("h"), 10800, without_effect("each refused connection is logged")),
    Option("ResolverOptions", "I", _RESOLVER, (), _OWN_RESOLVER),
    Option("ServiceSwitchFile", "", TEXT, "/etc/mail/service.switch", "the order in which maps of names are asked"),
    Option(
        "SmtpGreetingMessage",
        "",
        MUNCHED,
        "\ue00ej Sendmail \ue00ev ready at \ue00eb",
        "the text of the greeting; ESMTP is put behind its first word",
    ),
    Option("TryNullMXList", "w", BOOLEAN, False, without_effect("a host whose best MX we are is an error")),
    Option("UseCompressedIPv6Addresses", "", BOOLEAN, False, without_effect("IPv6 addresses are always written short")),
    Option("AuthMaxBits", "", NUMBER, 2147483647, _NO_AUTH),
    Option("AuthMechanisms", "", TEXT, "", _NO_AUTH),
    Option("AuthOptions", "", TEXT, "", _NO_AUTH),
    Option("AuthRealm", "", TEXT, "", _NO_AUTH),
    Option("DefaultAuthInfo", "", TEXT, "", _NO_AUTH),
    Option("CACertFile", "", TEXT, "", _NO_TLS),
    Option("CACertPath", "", TEXT, "", _NO_TLS),
    Option("CertFingerprintAlgorithm", "", TEXT, "", _NO_TLS),
    Option("CipherList", "", TEXT, "", _NO_TLS),
    Option("ClientCertFile", "", TEXT, "", _NO_TLS),
    Option("ClientKeyFile", "", TEXT, "", _NO_TLS),
    Option("ClientSSLOptions", "", TEXT, "", _NO_TLS),
    Option("CRLFile", "", TEXT, "", _NO_TLS),
    Option("CRLPath", "", TEXT, "", _NO_TLS),
    Option("DANE", "", TEXT, "", _NO_TLS),
    Option("DHParameters", "", TEXT, "", _NO_TLS),
    Option("RandFile", "", TEXT, "", without_effect("random numbers come from the system")),
    Option("ServerCertFile", "", TEXT, "", _NO_TLS),
    Option("ServerKeyFile", "", TEXT, "", _NO_TLS),
    Option("ServerSSLOptions", "", TEXT, "", _NO_TLS),
    Option("SSLEngine", "", TEXT, "", _NO_TLS),
    Option("SSLEnginePath", "", TEXT, "", _NO_TLS),
    Option("TLSFallbacktoClear", "", BOOLEAN, False, _NO_TLS),
    Option("TLSSrvOptions", "", TEXT, "", _NO_TLS),
)

_MINUTES: Final = time("m")
_HOURS: Final = time("h")
_DAYS: Final = time("d")
_SECONDS: Final = time("s")
_NO_CLASSES: Final = without_effect("messages of all priorities are warned of alike")
_OF_URGENCY: Final = "sendmail -q: when messages with this Priority are given up; for the daemon all are alike"


def _timeout(name: str, kind: Kind, default: int, effect: str) -> Option:
    return Option(f"Timeout.{name}", "", kind, default, effect)


_WARNED: Final = 4 * 3600
_RETURNED: Final = 5 * 86400

TIMEOUTS: Final = (
    _timeout("initial", _MINUTES, 300, "timeouts.greeting"),
    _timeout("connect", _MINUTES, 0, "timeouts.connect, when greater than 0"),
    _timeout("iconnect", _MINUTES, 0, without_effect("the first attempt waits as long as every other")),
    _timeout("aconnect", _MINUTES, 0, without_effect("each address of a host has its own time limit")),
    _timeout("helo", _MINUTES, 300, without_effect("EHLO is waited for as long as the greeting")),
    _timeout("mail", _MINUTES, 600, "timeouts.mail"),
    _timeout("rcpt", _MINUTES, 3600, "timeouts.rcpt"),
    _timeout("datainit", _MINUTES, 300, "timeouts.data-command"),
    _timeout("datablock", _MINUTES, 3600, "timeouts.data-block, and timeouts.text of the server"),
    _timeout("datafinal", _MINUTES, 3600, "timeouts.data-end"),
    _timeout("rset", _MINUTES, 300, without_effect("RSET is waited for as long as MAIL")),
    _timeout("quit", _MINUTES, 120, "timeouts.quit"),
    _timeout("misc", _MINUTES, 120, without_effect("NOOP and VERB are never sent")),
    _timeout("command", _MINUTES, 3600, "timeouts.command"),
    _timeout("ident", _MINUTES, 5, without_effect("clients are not asked by RFC 1413 who they are")),
    _timeout("fileopen", _MINUTES, 60, without_effect("files are opened without waiting")),
    _timeout("control", _MINUTES, 120, without_effect("there is no control socket; use posthouse queue and signals")),
    _timeout("lhlo", _MINUTES, 120, without_effect("LHLO is waited for as long as the greeting")),
    _timeout("auth", _MINUTES, 600, _NO_AUTH),
    _timeout("starttls", _MINUTES, 3600, without_effect("a TLS handshake is waited for as long as the greeting")),
    _timeout("queuereturn", _DAYS, _RETURNED, "retry.expire-after"),
    _timeout("queuereturn.normal", _DAYS, _RETURNED, "retry.expire-after"),
    _timeout("queuereturn.urgent", _DAYS, _RETURNED, _OF_URGENCY),
    _timeout("queuereturn.non-urgent", _DAYS, _RETURNED, _OF_URGENCY),
    _timeout("queuereturn.dsn", _DAYS, _RETURNED, "sendmail -q: when reports are given up, not by the daemon"),
    _timeout("queuewarn", _HOURS, _WARNED, "retry.warn-after; 0 means no warnings"),
    _timeout("queuewarn.normal", _HOURS, _WARNED, "retry.warn-after; 0 means no warnings"),
    _timeout("queuewarn.urgent", _HOURS, _WARNED, _NO_CLASSES),
    _timeout("queuewarn.non-urgent", _HOURS, _WARNED, _NO_CLASSES),
    _timeout("queuewarn.dsn", _HOURS, _WARNED, _NO_CLASSES),
    _timeout("hoststatus", _MINUTES, 1800, "retry.dead-host, when the file sets it"),
    _timeout("resolver.retrans", _SECONDS, 5, _OWN_RESOLVER),
    _timeout("resolver.retrans.first", _SECONDS, 5, _OWN_RESOLVER),
    _timeout("resolver.retrans.normal", _SECONDS, 5, _OWN_RESOLVER),
    _timeout("resolver.retry", NUMBER, 4, _OWN_RESOLVER),
    _timeout("resolver.retry.first", NUMBER, 4, _OWN_RESOLVER),
    _timeout("resolver.retry.normal", NUMBER, 4, _OWN_RESOLVER),
)

EIGHT_BIT: Final = choice(p="pass8", m="mimefy", s="strict")
