// Makes a file smaller with a model, and gives it back, byte for byte. Whoever decompresses needs the same model, release and
// kind of machine.
import { compress, decompress, openModel } from "lossyscope";

const MODEL = "node_modules/lossyscope/specimens/main/step-36246";
const FILE = "node_modules/lossyscope/LICENSE";

const model = await openModel(MODEL);
const { plainBytes, fileBytes } = await compress(FILE, { model, out: "licence.lsz" });
console.log(`${plainBytes} bytes became ${fileBytes}`);
const back = await decompress("licence.lsz", { model, out: "licence.txt" });
console.log(`${back.plainBytes} bytes came back`);
