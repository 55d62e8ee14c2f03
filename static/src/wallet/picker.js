// Which of several wallets? A dialog asks.
import { Problem } from "./problems.js";

/** A wallet's icon as EIP-6963 wants it: a data: image, shown as an image and never as markup. */
export function icon({ icon: src = "" }) {
  return /^data:image\/(png|jpeg|webp|gif|svg\+xml)[;,]/.test(src) ? [Object.assign(new Image(), { src, alt: "" })] : [];
}

export function walletButton(info, press) {
  const button = Object.assign(document.createElement("button"), { type: "button" });
  button.append(...icon(info), Object.assign(document.createElement("span"), { textContent: info.name }));
  button.addEventListener("click", () => press(button));
  const item = document.createElement("li");
  item.append(button);
  return item;
}

/** Resolves with the wallet that the person picks. Throws a Problem when they close the dialog. */
export function choose(wallets, question) {
  const dialog = document.createElement("dialog");
  const title = Object.assign(document.createElement("h2"), { textContent: question, id: "which-wallet" });
  const list = Object.assign(document.createElement("ul"), { className: "wallets" });
  const close = Object.assign(document.createElement("button"), { type: "button", className: "ghost", textContent: "None of them" });
  dialog.setAttribute("aria-labelledby", title.id);
  dialog.append(title, list, close);
  return new Promise((resolve, reject) => {
    for (const wallet of wallets) {
      list.append(
        walletButton(wallet.info, () => {
          resolve(wallet);
          dialog.close();
        }),
      );
    }
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      reject(new Problem("You chose no wallet. Nothing was sent, and nothing you typed is lost."));
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
