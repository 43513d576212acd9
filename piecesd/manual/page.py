"""The manual page piecesd(8), in mdoc(7), which mandoc and groff both read."""

import re
from collections.abc import Sequence
from itertools import groupby

from piecesd.manual.option import Option

_HEAD = r""".\" Written by `python -m piecesd.manual`; do not edit it by hand.
.Dd November 22, 2026
.Dt PIECESD 8
.Os
.Sh NAME
.Nm piecesd ,
.Nm pieces
.Nd OpenAI HTTP API over gRPC inference services
.Sh SYNOPSIS
.Nm piecesd
.Op Fl b Ar file
.Op Fl e Ar file
.Op Ar option ...
.Nm twistd
.Op Ar twistd-option ...
.Cm pieces
.Op Fl e Ar file
.Op Ar option ...
.Sh DESCRIPTION
.Nm
serves the OpenAI chat API from models that stand behind two gRPC services, one
for GPT models and one for Claude, Gemini and PaLM models.
Where no address of a service is configured, a built-in one answers.
.Pp
.Nm
stays in the foreground and logs to the console, unless
.Fl -background
says otherwise.
.Nm twistd Cm pieces
is the same daemon under
.Xr twistd 1 ,
which goes to the background and has options of its own.
.Pp
Every setting is an option, an environment variable and a line
.Ql NAME=value
of a file.
An option wins over the environment, the environment over the file, the file over
the default.
A setting that is true or false is an option without a value, such as
.Fl -debug ,
or
.Fl -no-debug
to undo what the environment says.
Keys are better kept out of options, because every user of the machine can see
those.
"""

_TAIL = r""".Sh ENVIRONMENT
Each option that is a setting names its variable above.
.Sh FILES
.Bl -tag -width Ds
.It Pa .env
Settings, in the directory the daemon is started in.
It need not be there.
.It Pa twistd.log
The log of a daemon in the background that has no
.Ev LOG_FILE ,
in the directory it is started in.
.El
.Sh SIGNALS
.Bl -tag -width SIGTERM
.It Dv SIGTERM , SIGINT
Stop.
Running requests have
.Ev DRAIN_TIMEOUT
seconds to finish; the second signal ends at once.
.It Dv SIGHUP
Open the log file anew, and read certificates again.
Where there is neither, it ends the process.
.It Dv SIGUSR1
Open the log file anew, where there is one.
.It Dv SIGUSR2
Replace the workers one by one, where
.Ev WORKERS
is above 1.
.El
.Sh EXIT STATUS
.Nm
exits 0 when a signal has ended it, and 1 when it can't start; one line then says
why.
.Sh EXAMPLES
The demonstration model on port 8000 of this machine:
.Pp
.Dl piecesd --port 8000
.Pp
A daemon in the background, with settings from a file:
.Pp
.Dl piecesd --background /var/run/piecesd/piecesd.pid --env-file /etc/piecesd.env
.Sh SEE ALSO
.Xr curl 1 ,
.Xr twistd 1
"""

_CODE = re.compile(r"`([^`]+)`")
_SENTENCE_END = re.compile(r"(?<=[A-Za-z0-9)`]\.) (?=[A-Z`])")


def page(options: Sequence[Option]) -> str:
    """piecesd.8: its text, and ``options`` by the sections of their settings."""
    settings = [option for option in options if option.setting]
    others = [option for option in options if not option.setting]
    parts = [_HEAD, ".Sh OPTIONS\n", _listed([each for each in others if not _undoes(each)])]
    for section, of_section in groupby(settings, key=_section):
        parts.append(f".Ss {section}\n{_listed(list(of_section))}")
    return "".join(parts) + _TAIL


def page_elsewhere(path: str) -> str:
    """A page that is another one, by its path below man/."""
    return f".so {path}\n"


def _section(option: Option) -> str:
    return option.setting.section if option.setting else ""


def _undoes(option: Option) -> bool:
    return option.long.startswith("no-")


def _listed(options: Sequence[Option]) -> str:
    return ".Bl -tag -width Ds\n" + "".join(map(_item, options)) + ".El\n"


def _item(option: Option) -> str:
    short = f"Fl {option.short} , " if option.short else ""
    value = " Ns = Ns Ar value" if option.takes_value else ""
    lines = [f".It {short}Fl -{option.long}{value}", *_sentences(option.help)]
    if option.setting:
        kind, default = option.setting.kind, option.setting.default
        lines += _sentences(f"Allowed: {kind.allowed}.")
        lines.append(f"Default: {_text(default) if default else 'empty'}.")
        lines.append(f"Environment: {option.setting.name}.")
    return "\n".join(lines) + "\n"


def _sentences(text: str) -> list[str]:
    """Each on a line of its own, which is how mdoc knows where one ends."""
    return [_text(sentence) for sentence in _SENTENCE_END.split(text)]


def _text(text: str) -> str:
    """``text`` for roff: nothing of it is a command, code is bold."""
    escaped = text.replace("\\", r"\e")
    shown = _CODE.sub(r"\\fB\1\\fP", escaped).replace("-", r"\-")
    return rf"\&{shown}" if shown.startswith((".", "'")) else shown
