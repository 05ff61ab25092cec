export const help = `Longleaf: ask whole books and codebases, on your own machine.

usage: longleaf [options] <command> …

  chat [--library NAME]                    talk; also what happens without a command
  ask "question"                           one question, one answer, with sources and receipt
      [--library NAME] [--add PATH…] [--conversation ID] [--no-passages] [--no-state]
      [--max-tokens N] [--temperature T] [--seed S] [--when-full refuse|slide]
  library add NAME PATH… [--preview] [--read|--no-read]
  library update NAME [--verify] [--retry] [--preview]
  library retry NAME [PATH…]               files that could not be read, once more: these, or all
  library list | show NAME | read NAME | remove NAME
  library encoding NAME PATH [ENCODING|auto]  how a text file was decoded; another encoding for it
  library report NAME [--format csv|json|md]  what became of every file, and why
  conversations list | show ID | search TEXT | delete ID
  conversations export ID…|--all [--format md|html|pdf|json] [--redact] [--out FILE|FOLDER]
  conversations import FILE                JSON or ZIP of Longleaf, ChatGPT, Claude, Open WebUI
  models list | fit [ID|FILE] [--measure] | verify ID|FILE.gguf | remove ID
  models import FILE.gguf [--link]         checked; a copy, or a link to where it lies
  models download [ID|URL] [--sha256 HEX] [--mirror URL]   goes on where it was interrupted
  serve [--port N] [--open]                the app in a browser of this machine
  state info NAME                          plan, tokens, bytes, checksum and checkpoints of a read library
  tokenize [FILE|-] [--lines] [--add-bos]  token ids as JSON
  logits --tokens FILE.json [--last N]     logits of the last N positions as JSON
  bench prefill|decode|reopen|ingest|recall|perplexity|attention|count|profile   see docs/benchmarks.md
  bench recall --gate [--tokens N] [--file TEXT]   does a state add anything to passages? decides library.read = auto
  doctor                                   what is here, what is missing, and the remedy

options:
  --data DIR         data folder (or LONGLEAF_DATA)
  --model ID|PATH    an installed model or a GGUF file (or LONGLEAF_MODEL)
  --adapter FILE     a LoRA adapter (GGUF) for the model, as train:adapt writes it
  --plan NAME|FILE   attention plan: dense, window, adapted, longnet, or a JSON file
  --backend NAME     auto (a fast graphics card, else the processor), cpu, webgpu (graphics card) or reference
  --device NAME      a graphics card by a part of its name; NAME#2: the second of that name (or LONGLEAF_GPU);
                     NAME#1,NAME#2: equal cards that read a text together
  --json             one JSON object on stdout, JSON lines for streams; progress stays on stderr
  --version, --help

exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted`;
