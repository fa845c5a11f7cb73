/** Data sets that are published: what a folder must hold, whose they are, and where they come from. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { hashFile } from "./download.ts";

/** A file of a data set. */
export interface PublishedFile {
  /** Below the folder. */
  readonly path: string;
  /** Of the published file; undefined where editions differ. */
  readonly bytes?: number;
  readonly sha256?: string;
  /** Where it may be fetched from, with length and checksum known. */
  readonly url?: string;
  /** Set where tasks do without it. */
  readonly optional?: true;
}

/** A data set of the list. */
export interface PublishedSet {
  /** As `--task` calls it. */
  readonly name: string;
  readonly title: string;
  readonly licence: string;
  /** Where the original is published. */
  readonly home: string;
  /** Of all files. */
  readonly size: string;
  readonly files: readonly PublishedFile[];
  /** What else a folder needs. */
  readonly remark?: string;
}

const MNIST = "https://storage.googleapis.com/cvdf-datasets/mnist/";
const mnistFile = (name: string, bytes: number, sha256: string): PublishedFile => ({
  path: name,
  bytes,
  sha256,
  url: MNIST + name,
});

const CLINC = "https://raw.githubusercontent.com/clinc/oos-eval/828f8093932c8fe6ca7936c3d2e52903b1c523de/data/";

export const PUBLISHED_SETS: readonly PublishedSet[] = [
  {
    name: "omniglot",
    title: "Omniglot: 1,623 handwritten characters of 50 alphabets, 20 drawings each",
    licence: "MIT",
    home: "github.com/brendenlake/omniglot; lists: github.com/jakesnell/prototypical-networks",
    size: "16 MB",
    files: [
      { path: "images_background.zip" },
      { path: "images_evaluation.zip" },
      ...["train", "val", "trainval", "test"].map((part) => ({ path: `vinyals/${part}.txt` })),
    ],
    remark: "the archives are in python/ of the first, the lists in data/omniglot/splits/vinyals/ of the second",
  },
  {
    name: "mnist",
    title: "MNIST: handwritten digits, 60,000 and 10,000 images",
    licence: "CC BY-SA 3.0",
    home: "yann.lecun.com/exdb/mnist",
    size: "12 MB; the files of t10k alone: 1.7 MB",
    files: [
      mnistFile(
        "t10k-images-idx3-ubyte.gz",
        1_648_877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
      ),
      mnistFile("t10k-labels-idx1-ubyte.gz", 4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
      {
        ...mnistFile(
          "train-images-idx3-ubyte.gz",
          9_912_422,
          "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        optional: true,
      },
      {
        ...mnistFile(
          "train-labels-idx1-ubyte.gz",
          28_881,
          "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        optional: true,
      },
    ],
  },
  {
    name: "cifar-fs",
    title: "CIFAR-FS: 60,000 colour images of 100 classes (CIFAR-100), 64, 16 and 20 of them",
    licence: "none stated",
    home: "www.cs.toronto.edu/~kriz/cifar.html; lists: github.com/bertinetto/r2d2",
    size: "169 MB packed, 185 MB unpacked",
    files: [
      {
        path: "train.bin",
        bytes: 153_700_000,
        sha256: "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29",
      },
      {
        path: "test.bin",
        bytes: 30_740_000,
        sha256: "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a",
      },
      { path: "fine_label_names.txt" },
      ...["train", "val", "test"].map((part) => ({ path: `splits/bertinetto/${part}.txt` })),
    ],
    remark: "unpack cifar-100-binary.tar.gz; the lists come with CIFAR-FS, and --split takes their place",
  },
  {
    name: "clinc150",
    title: "CLINC150: 22,500 questions to an assistant, 150 intents of 10 domains",
    licence: "CC BY 3.0",
    home: "github.com/clinc/oos-eval",
    size: "2.5 MB",
    files: [
      {
        path: "data_full.json",
        bytes: 2_495_390,
        sha256: "36923c3705a59e08fe9c3883d8bc2dd966ef93e22cb78ac41171782a698d56e0",
        url: `${CLINC}data_full.json`,
      },
      {
        path: "domains.json",
        bytes: 3_818,
        sha256: "b947b579d3b8e74b06f93b01083d8efaff2888b43a3e362533bd88a6e1211b3a",
        url: `${CLINC}domains.json`,
      },
    ],
  },
  {
    name: "heart4",
    title: "Heart Disease: 920 patients of four hospitals, 13 measurements",
    licence: "CC BY 4.0",
    home: "archive.ics.uci.edu/dataset/45/heart+disease",
    size: "39 KB",
    files: ["cleveland", "hungarian", "switzerland", "va"].map((hospital) => ({
      path: `processed.${hospital}.data`,
      ...(hospital === "cleveland"
        ? { bytes: 18_461, sha256: "a74b7efa387bc9d108d7d0115d831fe9b414b29ae7124f331b622b4efa0427c8" }
        : {}),
    })),
    remark: "the donors ask publications to name A. Janosi, W. Steinbrunn, M. Pfisterer and R. Detrano",
  },
  {
    name: "fsdd",
    title: "Free Spoken Digit Dataset: 3,000 recordings of ten digits by six speakers",
    licence: "CC BY-SA 4.0",
    home: "github.com/Jakobovski/free-spoken-digit-dataset",
    size: "21 MB",
    files: [{ path: "recordings" }],
    remark: "recordings holds {digit}_{speaker}_{index}.wav",
  },
];

/** What is known of a file of a folder. */
export interface CheckedFile {
  readonly path: string;
  /** `"published"`: length and checksum are those of the publication. `"there"`: none are known. */
  readonly state: "published" | "there" | "differs" | "missing" | "optional";
  /** Where it differs. */
  readonly why?: string;
}

/** Looks at the files that a folder must have for a data set. */
export async function checkFolder(set: PublishedSet, folder: string): Promise<CheckedFile[]> {
  const checked: CheckedFile[] = [];
  for (const file of set.files) checked.push(await checkFile(file, folder));
  return checked;
}

async function checkFile({ path, bytes, sha256, optional }: PublishedFile, folder: string): Promise<CheckedFile> {
  const full = join(folder, path);
  if (!existsSync(full)) {
    // Readers take files that were unpacked, too.
    if (path.endsWith(".gz") && existsSync(full.slice(0, -3))) return { path: path.slice(0, -3), state: "there" };
    return { path, state: optional ? "optional" : "missing" };
  }
  if (bytes === undefined) return { path, state: "there" };
  const { size } = statSync(full);
  if (size !== bytes) return { path, state: "differs", why: `${size} bytes in place of ${bytes}` };
  if (sha256 === undefined) return { path, state: "published" };
  const found = await hashFile(full);
  if (found === sha256) return { path, state: "published" };
  return { path, state: "differs", why: `SHA-256 ${found} in place of ${sha256}` };
}
