/** The ends of the help texts: examples, and what the exit codes mean. */

export const programHelp = `
Examples:
  $ confab serve                                            run a server on this machine
  $ confab client                                           chat, with a menu
  $ confab chat ucrp://127.0.0.1:9090/lobby --user Ann      straight into a room

"confab COMMAND --help" tells more about a command.`;

export const serveHelp = `
Settings come from flags, else from CONFAB_… variables (hybrid.tcp_port is CONFAB_HYBRID_TCP_PORT), else from the
configuration file. Log lines go to standard error, or to log.file. SIGHUP reads the configuration again; the log says what
was applied and what needs a restart.

Examples:
  $ confab serve
  $ confab serve --host 0.0.0.0 --data /var/lib/confab      for the whole network
  $ confab serve --tcp-port 7000 --udp-port 7001 --set hybrid.alternate.enabled=false
  $ confab serve --interactive

Exit codes: 0 stopped by a signal, 1 cannot start, 2 wrong usage or configuration, 130 interrupted again while stopping.`;

export const clientHelp = `
What no flag answers is asked. When standard input is no terminal, answers are read from its lines; further lines are
messages, and at its end the room is left. exit, quit, q, Ctrl+C or Ctrl+D leaves.

Examples:
  $ confab client
  $ confab client --host 127.0.0.1 --tcp-port 9090 --udp-port 9091 --join lobby --user Ann

Exit codes: 0 left, or the room was closed; 1 connection lost, or (scripts) nothing could be joined; 2 wrong usage;
4 (scripts) some message was not accepted or not confirmed; 130 interrupted by SIGINT (0 at a terminal).`;

export const chatHelp = `
Each line of standard input is sent; the lines exit, quit and q leave, and blank lines are not sent. The conversation goes
to standard output as "NAME: text", further lines of a message indented, and "* text" for notices; everything else goes to
standard error. At the end of input it waits until every message is settled, then leaves.
At a terminal, /help lists the commands and //text says "/text".

confab:// is encrypted, loses nothing and survives a lost connection: what is typed meanwhile is kept in an outbox on disk
and sent afterwards, also by the next "confab chat" of the same user to the same server. /link shows how good the link is.
When the server cannot be reached at the start, but was met before (or the URL has its pin), it is waited for.
Names that no device key has proved are marked "(unverified)". At the end of input it waits up to 30 s for the outbox.
There, /edit, /withdraw and /react are about earlier messages, and the prompt shows who is typing. The conversation has
'NAME (instead of "old text"): text', '* NAME withdrew "text"' and '* NAME reacted 👍 to NAME's "text"' for them.

Examples:
  $ confab chat confab://chat.example.org/lobby --user Ann
  $ confab chat ucrp://127.0.0.1:9090/lobby --user Ann
  $ confab chat ucrp://127.0.0.1:9090/lobby --join < notes.txt
  $ uptime | confab chat ucrp://127.0.0.1:9090/status --user cron
  $ confab chat ucrp://127.0.0.1:9090/lobby --listen < /dev/null > lobby.txt

Exit codes: 0 left, or end of input; 1 could not connect, was refused, or the connection was lost; 2 wrong usage; 3 the room
was closed by its host; 4 some message was not accepted or not confirmed; 130 interrupted by SIGINT (0 at a terminal);
143 ended by SIGTERM, 129 by SIGHUP.`;

export const bridgeHelp = `
/id NAME, /register, /bridge, /chat lead to a conversation; /help lists all commands. They are obeyed in scripts too, one
after the other: there /chat waits until somebody is found, or has found us, and the first command that fails ends it.
The conversation goes to standard output as "NAME: text", and "* text" for notices; everything else goes to standard error.

With another Confab client the conversation is encrypted and confirmed, over a direct path or, where none opens, through the
server; it says which. Both see the same number if nobody stands between. Any other program is talked to as it expects: not
encrypted, and with at most one line ahead of its answers, since most take turns.

Examples:
  $ confab bridge bridge://127.0.0.1:7000 --id Ann
  $ confab bridge bridge://127.0.0.1:7001 --id Bob --chat --stay < /dev/null
  $ printf '/register\\n/bridge\\n/chat\\nhello\\n' | confab bridge bridge://127.0.0.1:7000 --id Cid

Exit codes: 0 left, end of input, or the other one left; 1 could not connect, a command failed, or the other one was lost;
2 wrong usage; 4 (scripts) some line was not sent or not confirmed; 130 interrupted by SIGINT (0 at a terminal); 143 ended by
SIGTERM, 129 by SIGHUP.`;

export const doctorHelp = `
Tests, one after the other: the name, TCP, the encryption and the server's fingerprint, the greeting, its clock, UDP up and
down, ${'20'} probes each way, and how large datagrams may be; and says what to open where something is blocked. It joins no
room, takes no name and remembers no server; a server that takes no guests wants --user. With --json it prints one object:
{url, result, checks: [{name, status, text, advice, values}]}; result is well, impaired or broken.

Examples:
  $ confab doctor confab://chat.example.org
  $ confab doctor confab://127.0.0.1:9443 --json | jq .result

Exit codes: 0 all is well; 1 chat does not work; 2 wrong usage; 5 chat works, but not as well as it could: UDP is blocked,
probes were not answered, or a clock is wrong.`;

export const logHelp = `
With --json and a room, each event is {room, seq, position, kind, timeMs, user, text}; kind is the number of the event
kind: 1 message, 2 join, 3 leave, 4 room closed, 5 notice, 6 edit, 7 deletion, 8 reaction.

Examples:
  $ confab log
  $ confab log lobby --data /var/lib/confab
  $ confab log lobby --json | jq -r 'select(.kind == 1) | .text'

Exit codes: 0 shown, 1 no such log or room, 2 wrong usage or configuration.`;

export const keyHelp = `
A user name on confab:// belongs to the device keys that have taken it or were added to it. To use a name on another device, show
that device's key there, and in a chat on this one type /keys add KEY; /keys lists them, /keys remove KEY takes one away.
The key is made on first use, in device_key in your configuration folder.

Examples:
  $ confab key

Exit codes: 0 shown, 1 the key cannot be read or made.`;

export const namesHelp = `
A name is free again when nobody has used it for limits.name_trial_ms (30 days) after its first day, and for
limits.name_idle_ms (400 days) afterwards. With --json each key is {user, deviceKey, takenMs, usedMs, address, addedBy}.

Examples:
  $ confab names --data /var/lib/confab
  $ confab names --json | jq -r 'select(.address == "192.0.2.7") | .user'

Exit codes: 0 shown, 1 no such log, 2 wrong usage or configuration.`;

export const namesFreeHelp = `
A running server keeps the names in memory: stop it first, and start it again; clients of confab:// come back by themselves.

Examples:
  $ confab names free Ann --data /var/lib/confab
  $ confab names free Ann --key 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo

Exit codes: 0 done, 1 nobody's already, or the data folder is in use; 2 wrong usage or configuration.`;

export const configHelp = `
Settings come from flags, else from CONFAB_… variables, else from the file, else they have their defaults.

Examples:
  $ confab config sample > confab.toml
  $ confab config check confab.toml
  $ confab config print --config confab.toml

Exit codes: 0 done, 2 wrong usage or configuration.`;

export const configCheckHelp = `
Each problem is one line on standard error: file, line, column, what is wrong and what is allowed. The environment does
not matter here.

Examples:
  $ confab config check confab.toml
  $ confab config check /etc/confab.json

Exit codes: 0 the file is fine, 2 it is not, or wrong usage.`;

export const configPrintHelp = `
The output is a configuration file itself; behind each setting stands whether a flag, a variable or the file set it, or
whether it is the default. With --json each setting is {value, origin, name, line, column}.

Examples:
  $ confab config print
  $ confab config print --config confab.toml | grep -v "# default"
  $ confab config print --json | jq '."hybrid.tcp_port"'

Exit codes: 0 printed, 2 wrong usage or configuration.`;

export const configSampleHelp = `
Examples:
  $ confab config sample > confab.toml

Exit codes: 0 printed.`;

export const traceHelp = `
The server must have trace.enabled; SIGHUP turns it on, too. Each datagram or frame is taken apart: a line for each field
with its offset, its length, its bytes, its name, what it says and what that means. Streams are put together again first.
Wires: tcrp, ucrp, stage1, json-lines, json-datagrams, bridge, websocket; and of link, which is encrypted, what the server
opens and seals: link-tcp (the frames in its connections) and link-udp (its packets), of sessions that began meanwhile.
Tokens and passwords are masked in the server, unless it has trace.secrets.

Examples:
  $ confab serve --set trace.enabled=true
  $ confab trace
  $ confab trace --wire tcrp --wire ucrp --hex
  $ confab trace --peer 127.0.0.1 | grep -A 4 tcrp

Exit codes: 0 ended by Ctrl+C or by whoever reads the output; 1 nothing to watch, or the server has stopped; 2 wrong usage.`;
