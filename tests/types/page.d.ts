// Pages know their own elements; what is checked here is how they use the SDK.

interface Document {
  getElementById(id: string): any;
  querySelectorAll(selectors: string): NodeListOf<any>;
}

interface Window {
  SimplePeer: any;
}
