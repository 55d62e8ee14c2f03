// Everything on the site that speaks to a wallet, as one module: it finds wallets (EIP-6963), signs people in
// (EIP-4361), hands over transactions that the site made ready (EIP-1193), and follows them until they are mined.
// live.js and this bundle share no module: a page hears of it by the events `transaction:mined` and `live:stale`.
import "./wallet/drafts.js";
import "./wallet/forms.js";
import "./wallet/notices.js";
import "./wallet/signin.js";
