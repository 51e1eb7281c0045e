"""What all verbs share: the global options (before or after the verb), and the application object they fill."""

import copy
import dataclasses
import gc
import inspect
import pathlib
from collections.abc import Callable
from typing import Any, TypeVar

import click

from formats.errors import ToolError
from fwtool import config
from fwtool.cli.output import Output
from fwtool.languages.translator import SOURCE, Translator, translator

F = TypeVar("F", bound=Callable[..., Any])


@dataclasses.dataclass
class Outcome:
    """What a verb leaves: data for JSON, lines for people."""

    data: dict[str, Any] = dataclasses.field(default_factory=dict)
    lines: list[str] = dataclasses.field(default_factory=list)
    changed: bool = False
    failure: ToolError | None = None
    """The verb did its work and has data to show, yet the exit code is a failure's."""
    silent: bool = False
    """The verb has written its own output (a server); no result follows."""


class App:
    """Flags as given; settings and output as they follow from them."""

    def __init__(self) -> None:
        self.flags: dict[str, Any] = {}
        self.command = ""
        self._output: Output | None = None
        self._trace: Any = None

    @property
    def output(self) -> Output:
        if self._output is None:
            self._output = Output(
                json=bool(self.flags.get("json")),
                quiet=bool(self.flags.get("quiet")),
                verbose=bool(self.flags.get("verbose")),
                progress=not self.flags.get("no_progress"),
                words=self.words,
            )
            self._output.command = self.command
        return self._output

    @property
    def language(self) -> str:
        """Of sentences in the result: the reader's; in JSON always English, which scripts may keep."""
        return SOURCE if self.output.json else self.settings.lang

    @property
    def words(self) -> Translator:
        """Into the language of the reader; English while a wrong configuration is being told of."""
        try:
            return translator(self.settings.lang)
        except ToolError:
            return translator(SOURCE)

    @property
    def trace(self) -> Any:
        """The trace that `--trace` asks for, or None."""
        if self._trace is None and self.flags.get("trace"):
            from transports.trace import TraceFile

            self._trace = TraceFile(pathlib.Path(self.flags["trace"]))
        return self._trace

    def about_trace(self) -> list[str]:
        """What has to be said of `--trace` at the end."""
        if not self.flags.get("trace"):
            return []
        if self._trace is None:
            return ["--trace: this command has no line, so nothing was written"]
        return [f"the trace is not complete: {self._trace.problem}"] if self._trace.problem else []

    @property
    def dev(self) -> bool:
        return bool(self.flags.get("dev"))

    @property
    def settings(self) -> config.Config:
        return config.load(self.flags)

    @property
    def state_dir(self) -> pathlib.Path:
        return self.settings.state_dir


def _store(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    app = context.find_object(App)
    if app is not None and value and parameter.name:
        app.flags[parameter.name] = value


def global_options() -> list[click.Option]:
    """Fresh option objects for a command or group."""

    def option(*names: str, help: str, **rest: Any) -> click.Option:  # noqa: A002 - click's own word
        return click.Option(names, help=help, expose_value=False, callback=_store, **rest)

    return [
        option("--json", is_flag=True, help="One JSON object per line on stdout."),
        option("--lang", type=click.Choice(["en", "zh"]), help="Language: English or Chinese."),
        option("-q", "--quiet", is_flag=True, help="Say only what went wrong."),
        option("-v", "--verbose", is_flag=True, help="Say more."),
        option("--debug", is_flag=True, help="Show where an error comes from."),
        option("--trace", metavar="FILE", help="Write every frame into FILE (card numbers scrubbed)."),
        option("--no-progress", is_flag=True, help="No progress bar."),
        option("--technician", metavar="NAME", help="Who works here; goes into the record."),
        option("--state-dir", metavar="DIR", help="Where records and trust are kept."),
        option("--dev", is_flag=True, help="Accept the sample keys, whose private halves are public."),
    ]


def _in_words(command: click.Command, context: click.Context) -> click.Command:
    """The command with its help in the language of the reader."""
    app = context.find_object(App)
    words = app.words if app else translator(SOURCE)
    shown, params = copy.copy(command), [copy.copy(param) for param in command.params]
    shown.params = params
    shown.help = command.help and words(inspect.cleandoc(command.help))
    for param in params:
        if isinstance(param, click.Option) and param.help:
            param.help = words(param.help)
    return shown


class Verb(click.Command):
    """A command that takes the global options too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(global_options())

    def invoke(self, ctx: click.Context) -> Any:
        gc.enable()
        return super().invoke(ctx)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        click.Command.format_help(_in_words(self, ctx), ctx, formatter)


class VerbGroup(click.Group):
    """A group whose commands are verbs."""

    command_class = Verb

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(global_options())

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        click.Group.format_help(_in_words(self, ctx), ctx, formatter)


pass_app = click.make_pass_decorator(App)


def port_options(function: F) -> F:
    """`--port` and how to talk there; arrives as one argument `port: dict`."""
    return line_options(click.option("--port", "port", metavar="PORT", help="Serial port or URL, sim:, or auto.")(function))


def line_options(function: F) -> F:
    """How to talk at a port."""
    options = (
        click.option("--protocol", default="", help="What the device speaks, where its port does not tell: tsp, zvt, dfu."),
        click.option(
            "--baud", type=click.IntRange(50, 20_000_000), help="Line rate to start with (tsp: 115200, zvt: 9600)."
        ),
        click.option("--line", default="", help="Data bits, parity, stop bits (tsp: 8N1, zvt: 8N2)."),
        click.option(
            "--flow", default="auto", show_default=True, type=click.Choice(["auto", "rtscts", "none"]), help="RTS/CTS.",
        ),
        click.option(
            "--timeout", "timeout_s", default=5.0, show_default=True, type=click.FloatRange(0.1, 3600), metavar="S",
            help="Silence after which the device is given up.",
        ),
        click.option("--grant", type=click.Path(path_type=pathlib.Path), help="Grant of the bank that opens the session."),
        click.option("--holder-key", type=click.Path(path_type=pathlib.Path), help="Private key of the grant's holder."),
        click.option(
            "--password-file", type=click.Path(path_type=pathlib.Path),
            help="Passwords: the cashier's (ZVT) in the first line, the administrator's (TSP; ZVT: service menu) in the second.",
        ),
    )  # fmt: skip
    for add in reversed(options):
        function = add(function)
    return function


def open_port(app: App, port: str | None, **options: Any) -> Any:
    """Connect to the device that the options name."""
    from transports.dialects import connect

    return connect(need_port(app, port), **port_settings(app, options))


def port_settings(app: App, options: dict[str, Any]) -> dict[str, Any]:
    """The options of a line as `transports.port_options.PortOptions` wants them: files opened, the trace added."""
    options = {**options, "trace": app.trace}
    file = options.pop("password_file", None)
    if file is not None:
        from fwtool.passwords import from_file

        options["password"] = from_file(file)
    return _with_grant(options)


def _with_grant(options: dict[str, Any]) -> dict[str, Any]:
    path, holder = options.pop("grant", None), options.pop("holder_key", None)
    if path is None and holder is None:
        return options
    if path is None or holder is None:
        raise ToolError("--grant and --holder-key belong together", name="usage")
    from formats import grant
    from fwtool.files import read_small
    from fwtool.signers import key_file
    from fwtool.signers.secrets import Secrets

    return {**options, "grant": (grant.parse(read_small(path)), key_file.load(holder, Secrets()))}


def need_port(app: App, port: str | None) -> str:
    """The port from the flag, the environment or the configuration.

    Raises:
        ToolError: none is named (`usage`).
    """
    named = port or app.settings.port
    if not named:
        raise ToolError("which terminal? No port is named", name="usage", hint="Give --port PORT; `fwtool ports` lists them.")
    return named
