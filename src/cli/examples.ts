/** What help shows at the end of each command: lines that run as they are, once the names in them are one's own. */

/** What for, and the line. */
type Example = readonly [what: string, line: string];

/** By the command's whole name. */
export const EXAMPLES: Readonly<Record<string, readonly Example[]>> = {
  lossyscope: [
    ["see what comes out, on a small model that comes with the tool", "lossyscope demo"],
    [
      "a model of the Hub on a folder of text, with a report for the browser",
      "lossyscope measure HuggingFaceTB/SmolLM2-135M --text notes/ --out report/",
    ],
    ["which of two models needs fewer bits, and where", "lossyscope compare one.json two.json"],
  ],
  "lossyscope measure": [
    [
      "a model of the Hub on a folder of text; the report opens in a browser",
      "lossyscope measure HuggingFaceTB/SmolLM2-135M --text notes/ --out report/",
    ],
    [
      "a model that Ollama has here; one in GGUF of the Hub is org/name:Q4_K_M",
      "lossyscope measure ollama:llama3.2 --text notes/",
    ],
    [
      "bits per byte alone, of the first megabyte that comes through a pipe",
      "zcat t.gz | lossyscope measure ./model --text - --no-plane --limit-bytes 1MB",
    ],
    [
      "paragraphs as documents, and what lm-evaluation-harness would report",
      "lossyscope measure ./model --text book.txt --split-on '\\n\\n' --like lm-eval",
    ],
    [
      "a model that vLLM serves, whose tokenizer is the Hub's; the key, where it wants one, is in LOSSYSCOPE_API_KEY",
      "lossyscope measure http://localhost:8000/v1 --tokenizer org/name --text notes/",
    ],
    [
      "in less time where the processor has instructions for bytes, with what that costs said",
      "lossyscope measure ./model --text notes/ --precision int8",
    ],
    [
      "how concepts lie in every layer, beside shuffled ones: built-in sets, and one's own",
      "lossyscope measure ./model --text notes/ --concepts all --out report/",
    ],
    [
      "which of two completions costs less, and what every layer tells of it",
      "lossyscope measure ./model --text notes/ --pairs pairs.jsonl --out report/",
    ],
    [
      "bits per byte of a GGUF file, and what llama-perplexity would report",
      "lossyscope measure model.gguf --text book.txt --no-plane --like llama.cpp",
    ],
    [
      "the same with inputs rounded to 8 bits as llama.cpp rounds them, and what that costs",
      "lossyscope measure model.gguf --text book.txt --like llama.cpp --fast",
    ],
    [
      "over how many units each folder of a text is spread, and which they share",
      "lossyscope measure ./model --text texts/ --with spread sharing -o out/",
    ],
    [
      "a model that is larger than memory, bits per byte alone; without the option it streams where it has to",
      "lossyscope measure ./model --text t/ --no-plane --no-geometry --stream-weights",
    ],
    [
      "a file in 4 bits beside one in 8, token by token",
      "lossyscope measure q4.gguf --reference q8.gguf --text notes/ --out report/",
    ],
  ],
  "lossyscope store": [
    ["all models on a text by their bits per byte", "lossyscope store list --text notes"],
    [
      "measured into a database that others see, too; the password is in PGPASSWORD",
      "lossyscope measure ./model --text notes/ --store postgres://me@host/lossyscope",
    ],
  ],
  "lossyscope store add": [
    ["what `measure --out` wrote, and a folder of profiles", "lossyscope store add report/ profiles/"],
    ["to a server, which is for many", "lossyscope store add one.json --store postgres://host/lossyscope"],
  ],
  "lossyscope store list": [
    ["of one text, as a table for a pull request", "lossyscope store list --text notes --markdown"],
    ["of one family, the latest first", "lossyscope store list --model SmolLM2 --sort measured"],
  ],
  "lossyscope store runs": [
    ["the last ten", "lossyscope store runs --limit 10"],
    ["of a server, for a program", "lossyscope store runs --store postgres://host/lossyscope --json"],
  ],
  "lossyscope store export": [
    ["two of them, to be compared", "lossyscope store export 3 7 --out profiles/"],
    ["all of them", "lossyscope store export --out profiles/"],
  ],
  "lossyscope store rm": [
    ["two of them", "lossyscope store rm 3 7"],
    ["one of a store in another folder", "lossyscope store rm 3 --store ./store"],
  ],
  "lossyscope store vacuum": [
    ["after some were removed", "lossyscope store vacuum"],
    ["of a store in another folder", "lossyscope store vacuum --store ./store"],
  ],
  "lossyscope squeeze": [
    [
      "a model rounded to 8 … 2 bits, with the report for the browser",
      "lossyscope squeeze ./model --text notes/ --out squeezed/",
    ],
    [
      "4 bits, a GGUF type, lower rank, beside a file that somebody made",
      "lossyscope squeeze ./model --text t/ --try q4,Q4_K --rank 0.9 --also q4.gguf",
    ],
    [
      "which facts go first, by how often training told them",
      "lossyscope squeeze ./model --text notes/ --facts facts.jsonl --out squeezed/",
    ],
    [
      "by what the inputs of the matrices are like as well, learnt from other text",
      "lossyscope squeeze ./model --text notes/ --prune 50 --calibration other/",
    ],
    [
      "passages of the text that no longer come back",
      "lossyscope squeeze ./model --text seen/ --with recall --out squeezed/",
    ],
    [
      "several types in one model, within 4.5 bits a parameter",
      "lossyscope squeeze ./model --text notes/ --budget 4.5",
    ],
    [
      "one of them as a folder that transformers reads",
      "lossyscope squeeze ./model --text notes/ --point q4g32 --write ./model-q4g32",
    ],
    [
      "a GGUF type as a file that llama.cpp reads",
      "lossyscope squeeze ./model --text notes/ --point Q4_K --write model.gguf",
    ],
    [
      "the vocabulary that two texts need",
      "lossyscope squeeze ./m --text t/ --trim-vocabulary u/ --point trim --write m/",
    ],
    [
      "what costs most, block by block and kind by kind",
      "lossyscope squeeze ./model --text notes/ --try q4,q3 --sensitivity --out out/",
    ],
  ],
  "lossyscope merge": [
    [
      "one of two parts, each on a machine of its own",
      "lossyscope measure ./model --text notes/ --shard 1/2 --out part-1",
    ],
    ["both parts as one profile", "lossyscope merge part-1 part-2 --out report/"],
  ],
  "lossyscope inspect": [
    ["any model of the Hub, from its headers alone", "lossyscope inspect HuggingFaceTB/SmolLM2-135M"],
    [
      "what its weights would take entropy-coded, beside two trillion training tokens",
      "lossyscope inspect ./model --entropy --training-tokens 2T",
    ],
  ],
  "lossyscope estimate": [
    [
      "of the states of one's own model, or of those that `lossyscope states` wrote",
      "lossyscope estimate states.safetensors --json figures.json",
    ],
    ["with more reference points", "lossyscope estimate states.safetensors --m 200 --temperature exact"],
  ],
  "lossyscope recall": [
    [
      "training text beside text of the same kind that the model has not seen",
      "lossyscope recall ./model --text seen.jsonl --unseen other.jsonl --out report/",
    ],
    ["longer passages after longer beginnings", "lossyscope recall ./model --text seen/ --prefix 64,128 --length 64"],
  ],
  "lossyscope ablate": [
    [
      "four kinds of text that come with the tool: English, German, code, numbers",
      "lossyscope ablate ./model --concepts texts --out parts/",
    ],
    [
      "which MLP units prose and code need each, and which they share",
      "lossyscope ablate ./model --domain prose=books/ --domain code=src/ -o parts/",
    ],
    [
      "heads in place of units, a domain a folder, paragraphs as documents",
      "lossyscope ablate ./model --text texts/ --split-on '\\n\\n' --sites heads",
    ],
  ],
  "lossyscope facts": [
    ["facts with their questions, one a line", "lossyscope facts ./model --facts facts.jsonl --out report/"],
    [
      "a table of subject, relation, value, asked with a prompt of one's own",
      "lossyscope facts ./model --facts f.csv --template born='{subject} came from'",
    ],
  ],
  "lossyscope states": [
    [
      "states and losses of a text, without the logits, which are large",
      "lossyscope states ./model --text page.txt --no-logits --out states.safetensors",
    ],
    ["of tokens that are at hand", "lossyscope states ./model --ids ids.safetensors --out states.safetensors"],
  ],
  "lossyscope train": [
    [
      "a model from a config and a text, and a tokenizer with it",
      "lossyscope train --text pages/ --config config.json --out run/",
    ],
    [
      "with the tokenizer of another model",
      "lossyscope train --text pages/ --config c.json --tokenizer ./model --out run/",
    ],
    [
      "on with a run that was stopped, to the same weights",
      "lossyscope train --text pages/ --config config.json --out run/ --resume",
    ],
  ],
  "lossyscope trajectory": [
    ["a run that `lossyscope train` left", "lossyscope trajectory run/ --text held-out.txt --out report/"],
    [
      "checkpoints that a model of the Hub has as revisions",
      "lossyscope trajectory org/name@step1000,step16000 --text notes/ --out report/",
    ],
    ["the page again, without measuring", "lossyscope trajectory --from report/trajectory.json --report page.html"],
  ],
  "lossyscope distil": [
    [
      "a small model on what a large one expects, beside the same one alone",
      "lossyscope distil --teacher ./big --config c.json --text t/ --out run/",
    ],
    [
      "from the teacher's distributions alone",
      "lossyscope distil --teacher ./big --config c.json --text t/ --alpha 1 -o run/",
    ],
  ],
  "lossyscope capacity": [
    ["of one config, at three seeds a point", "lossyscope capacity --config c.json --seeds 3 --out capacity/"],
    [
      "more points of the same curve, later",
      "lossyscope capacity --config c.json --strings 4096 --out capacity/ --resume",
    ],
  ],
  "lossyscope generate": [
    ["the most probable continuation", "lossyscope generate ./model --prompt 'Once upon a time'"],
    [
      "drawn by seed, with its token ids",
      "lossyscope generate ./model --prompt 'Once' --temperature 0.8 --seed 3 --json",
    ],
    [
      "quicker from a GGUF file, its inputs rounded to 8 bits as llama.cpp rounds them",
      "lossyscope generate model.gguf --prompt 'Once' --fast",
    ],
  ],
  "lossyscope compress": [
    ["a lossless file, notes.txt.lsz", "lossyscope compress notes.txt --model ./model"],
    ["how large it would be", "lossyscope compress notes.txt --model ./model --dry-run"],
    ["quicker, and a little larger", "lossyscope compress notes.txt --model ./model --lanes 32"],
    ["quicker steps, by whole numbers of 8 bits", "lossyscope compress notes.txt --model ./model --precision int8"],
  ],
  "lossyscope decompress": [
    ["the file again, byte for byte", "lossyscope decompress notes.txt.lsz --model ./model"],
    ["what is sound of a damaged one", "lossyscope decompress notes.txt.lsz --model ./model --salvage --out rest.txt"],
  ],
  "lossyscope atlas": [
    ["the sets there are", "lossyscope atlas"],
    ["what one of them is worth", "lossyscope atlas fit ladder"],
  ],
  "lossyscope atlas fit": [
    ["all predictors of a set beside each other", "lossyscope atlas fit ladder --rank --report fit.html"],
    ["from predictors that you name", "lossyscope atlas fit open-llm --predictors parameters training_tokens"],
  ],
  "lossyscope atlas add": [
    [
      "a set of one's own profiles and what lm-evaluation-harness found",
      "lossyscope atlas add mine --profiles profiles/ --scores one.json two.json",
    ],
    [
      "where the scores call a model otherwise",
      "lossyscope atlas add mine --profiles p/ --scores s.csv --name org/one=one-v2",
    ],
  ],
  "lossyscope predict": [
    ["all areas of a set", "lossyscope predict profile.json --set llm-compression"],
    ["one area of two models, as JSON", "lossyscope predict one.json two.json --set ladder --area facts --json"],
  ],
  "lossyscope report": [
    ["the page of a profile that is there", "lossyscope report report/profile.json --report page.html"],
    ["of several, each in a file of its own", "lossyscope report old.json new.json run/ --out pages/"],
  ],
  "lossyscope compare": [
    ["profiles that are there", "lossyscope compare one.json two.json --report comparison.html"],
    [
      "what a copy of a model lost, token by token",
      "lossyscope compare org/model ./copy --text notes/ --report lost.html",
    ],
    [
      "of two files the table that llama-perplexity --kl-divergence prints",
      "lossyscope compare q8.gguf q4.gguf --text book.txt --no-plane --like llama.cpp",
    ],
    [
      "what a file loses as llama.cpp runs it, beside the folder that it was made from",
      "lossyscope compare ./model q4.gguf --text notes/ --fast",
    ],
    [
      "two models, measured first, their layers compared as well",
      "lossyscope compare org/one org/two --text notes/ --keep states --out both/",
    ],
  ],
  "lossyscope gate": [
    [
      "fails where a model needs over one per cent more bits than before",
      "lossyscope gate a.json --baseline b.json --max coding.overall.bitsPerByte=+1%",
    ],
    [
      "an absolute limit, with a summary for a pull request",
      "lossyscope gate new.json --max coding.overall.bitsPerByte=1.2 --markdown s.md",
    ],
  ],
  "lossyscope choose": [
    [
      "what fits into memory and may be used",
      "lossyscope choose one.json two.json --memory 16GiB --licence permissive",
    ],
    [
      "with prices, and scores foreseen",
      "lossyscope choose one.json two.json --price prices.csv --set llm-compression",
    ],
  ],
  "lossyscope almanac": [
    ["a world and its pages", "lossyscope almanac --out world/"],
    ["a larger one of another seed", "lossyscope almanac --size medium --seed 7 --out world/"],
  ],
  "lossyscope demo": [
    ["to lossyscope-report/", "lossyscope demo"],
    ["elsewhere", "lossyscope demo --out tried/"],
  ],
  "lossyscope completion": [
    ["in bash, for good with this line in ~/.bashrc", 'eval "$(lossyscope completion bash)"'],
    ["in zsh, for good with this line in ~/.zshrc, below compinit", 'eval "$(lossyscope completion zsh)"'],
    ["in fish, for good", "lossyscope completion fish > ~/.config/fish/completions/lossyscope.fish"],
  ],
  "lossyscope help": [
    ["all options of a command", "lossyscope help measure"],
    ["of a command below another", "lossyscope help atlas fit"],
  ],
};
