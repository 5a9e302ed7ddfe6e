"""The words of DontBlameSendmail that change nothing here, each with its reason.

Those that do are in adapters/cf_world.py (.forward files and lists) and channels/mailer_runs.py (files that mail is
written to).
"""

import re
from collections.abc import Iterator
from typing import Final

from posthouse.mail.problem import Problem
from posthouse.rewriting.tokens import fold
from posthouse.site.cf.declared import CfConfiguration

OPTION: Final = "DontBlameSendmail"
HEEDED: Final = frozenset(
    {
        "ForwardFileInUnsafeDirPath",
        "GroupWritableForwardFile",
        "GroupWritableIncludeFile",
        "WorldWritableIncludeFile",
        "FileDeliveryToHardLink",
    }
)
WITHOUT_EFFECT: Final = {
    "alias files are read whatever their rights": "GroupWritableAliasFile WorldWritableAliasFile "
    "LinkedAliasFileInWritableDir",
    "class files are read whatever their rights": "ClassFileInUnsafeDirPath LinkedClassFileInWritableDir",
    "maps are read whatever their rights": "MapInUnsafeDirPath LinkedMapInWritableDir",
    "a database is written beside the old one and takes its place": "WriteMapToHardLink WriteMapToSymLink",
    "the service switch file is read whatever its rights": "LinkedServiceSwitchFileInWritableDir",
    "the error header is read whatever its rights": "ErrorHeaderInUnsafeDirPath",
    "HELP tells the commands of this server": "HelpFileInUnsafeDirPath",
    "counts are in the metrics and in the log": "WriteStatsToHardLink WriteStatsToSymLink",
    "mail is never written through a symbolic link": "FileDeliveryToSymLink",
    "a .forward file that everybody may write is never believed": "WorldWritableForwardFile",
    "links to .forward files are followed with the rights of their user": "LinkedForwardFileInWritableDir",
    "nobody is warned of a .forward file that is not believed": "DontWarnForwardFileInUnsafeDirPath",
    "ForwardFileInUnsafeDirPath alone says that directories are not looked at": "ForwardFileInGroupWritableDirPath "
    "ForwardFileInUnsafeDirPathSafe GroupWritableForwardFileSafe GroupWritableDirPathSafe TrustStickyBit",
    "GroupWritableIncludeFile alone lets a list be written by a group": "GroupWritableIncludeFileSafe",
    "links to files of :include: are followed with the rights of their reader": "LinkedIncludeFileInWritableDir",
    "ForwardFileInUnsafeDirPath speaks for the directories of :include:, too": "IncludeFileInUnsafeDirPath "
    "IncludeFileInGroupWritableDirPath IncludeFileInUnsafeDirPathSafe",
    "whose a file is decides, and nobody is asked whether he could have given it away": "AssumeSafeChown",
    "programs are run whatever the rights of their files": "RunProgramInUnsafeDirPath RunWritableProgram",
    "addresses are judged alike with the rights of root and without": "NonRootSafeAddr",
    "TLS of the server and certificates of the client are not configured from a cf file": "CertOwner "
    "GroupReadableKeyFile InsufficientEntropy",
    "the server offers no authentication, and the client uses none": "GroupReadableAuthInfoFile "
    "GroupReadableDefaultAuthInfoFile GroupReadableSASLDBFile GroupWritableSASLDBFile",
}
_BY_WORD: Final = {fold(word): (word, reason) for reason, words in WITHOUT_EFFECT.items() for word in words.split()}


def idle_words(configuration: CfConfiguration) -> Iterator[Problem]:
    """Yield each word that has no effect, at its line; Safe, the default, is none."""
    for setting in configuration.settings.get(OPTION, ()):
        for written in filter(None, re.split(r"[, \t]+", setting.text)):
            word, reason = _BY_WORD.get(fold(written), ("", ""))
            if word:
                yield Problem(setting.origin, f"{OPTION}: {word} has no effect", reason)
