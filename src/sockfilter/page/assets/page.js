// SPDX-License-Identifier: BSD-3-Clause. Built by make page from tools/page/src.
// sources: 6f076456820a2f0e9ef4ff52870d5d7cdea01a33d65ab03fbaa2890596d88a3c
"use strict";(()=>{var encoder=new TextEncoder;function bytesOfContent(content){return content.text!==void 0?encoder.encode(content.text):content.
base64===void 0?new Uint8Array(0):fromBase64(content.base64)}function fromBase64(text){let letters2=atob(text),bytes=new Uint8Array(
letters2.length);for(let at=0;at<letters2.length;at++)bytes[at]=letters2.charCodeAt(at);return bytes}function isWhole(content){
return content.kept===void 0&&(content.text!==void 0||content.base64!==void 0||!(content.len??content.wire_len))}async function through(bytes,stream){
return new Response(new Blob([bytes]).stream().pipeThrough(stream))}async function inflated(bytes){return(await through(
bytes,new DecompressionStream("deflate"))).text()}async function deflated(text){let made=await through(encoder.encode(text),
new CompressionStream("deflate"));return new Uint8Array(await made.arrayBuffer())}var CODING="content-encoding",FRAMING=new Set(["content-length","transfer-encoding",CODING,"trailer","expect"]),NotRepeatable=class extends Error{};
function asked(exchange){let{request:request2}=exchange;if(!request2)throw new NotRepeatable("its request was not seen");
if(request2.method==="CONNECT"||request2.version==="0.9")throw new NotRepeatable("it needs a special connection");if(request2.
headers_lost)throw new NotRepeatable("some of its fields are not known, because bytes were missed");let said=valuesOf(request2,
"content-length")[0];if(said!==void 0&&/^\d+$/.test(said)&&request2.body.wire_len<Number(said))throw new NotRepeatable("\
its request is incomplete");if(request2.body.kept!==void 0&&!isAsSent(request2))throw new NotRepeatable(`only ${request2.
body.kept} bytes of its body were kept; --body N keeps more`);if(request2.body.wire_len&&request2.body.text===void 0&&request2.
body.base64===void 0)throw new NotRepeatable("its body was not kept; --body N keeps it");return request2}function valuesOf(half,name){
return half.headers.filter(([each])=>each.toLowerCase()===name).map(([,value])=>value)}function isAsSent({body}){return body.
len===void 0&&body.kept===body.wire_len}function isChunked(request2){let values=valuesOf(request2,"transfer-encoding");return values.
length===1&&values[0].toLowerCase()==="chunked"}function isFramed(request2){return bytesOfContent(request2.body).length>
0||valuesOf(request2,"content-length").length>0||isChunked(request2)}function fieldsToSend(request2){return request2.headers.
filter(([name])=>{let lower=name.toLowerCase();return!FRAMING.has(lower)||lower===CODING&&isAsSent(request2)})}function hostAndPort({
ip,port}){return ip.includes(":")?`[${ip}]:${port}`:`${ip}:${port}`}function sniOf(exchange){return exchange.tls===void 0?
void 0:exchange.tls.sni??null}var PLAIN_TARGET=/^\/(?!\.)(?:[\w!$%&'()*+,;=:@~.?-]|\/(?!\.))*(?<!\?)$/,ARGUMENT_BYTES_MAX=12e4,EXPECT_BYTES=1024,VERSIONS={
"1.0":"--http1.0",2:"--http2-prior-knowledge"},TLS_VERSIONS={"1.0":"--http1.0",2:"--http2"},encoder2=new TextEncoder;function asCurl(exchange){
let request2=asked(exchange);if(exchange.grpc&&!exchange.grpc.web)throw new NotRepeatable("curl speaks no gRPC; --format\
 curl makes a command of grpcurl");check(request2);let[before,data]=dataOf(request2),words=["curl",(exchange.tls===void 0?
VERSIONS:TLS_VERSIONS)[request2.version??""]??"--http1.1",...methodOf(request2,data.length>0),...fieldsOf(exchange,request2,
data.length>0),...data,...placeOf(exchange,request2.target??"")];return before+words.join(" ")}function check(request2){
if([request2.method??"",request2.target??"",...request2.headers.flat()].some(word2=>word2.includes("\0")))throw new NotRepeatable(
"its head has a NUL, which no argument of a command can have");for(let[name,value]of request2.headers){if(!name||name.startsWith(
"@")||!value&&name.includes(";"))throw new NotRepeatable(`curl sends no field of the name ${name}`);if(value&&!value.replace(
/[\v\f\r]/g,""))throw new NotRepeatable("curl sends no field whose value is blank")}if(request2.method==="HEAD"&&bytesOfContent(
request2.body).length)throw new NotRepeatable("curl sends no body with HEAD")}function methodOf(request2,hasData){return request2.
method==="HEAD"?["--head"]:request2.method===(hasData?"POST":"GET")?[]:["-X",word(request2.method??"")]}function fieldsOf(exchange,request2,hasData){
let fields=fieldsToSend(request2),[scheme,server]=origin(exchange),has=name=>valuesOf(request2,name).length>0,isText=request2.
authority===void 0;!isText&&request2.authority&&!has("host")&&fields.unshift(["Host",request2.authority]);let usual=`:${scheme===
"http"?80:443}`,implied=server.endsWith(usual)?server.slice(0,-usual.length):server,at=fields.findIndex(([name,value])=>name===
"Host"&&value===implied);at>=0&&fields.splice(at,1),isChunked(request2)&&hasData&&fields.push(["Transfer-Encoding","chun\
ked"]);let absent=[...isText?["Host"]:[],"User-Agent","Accept",...hasData?["Content-Type"]:[]].filter(name=>!has(name.toLowerCase()));
return bytesOfContent(request2.body).length>=EXPECT_BYTES&&absent.push("Expect"),[...fields.map(([name,value])=>value?`${name}\
: ${value}`:`${name};`),...absent.map(name=>`${name}:`)].flatMap(line2=>["-H",word(line2)])}function dataOf(request2){if(!isFramed(
request2)||request2.method==="HEAD")return["",[]];let bytes=bytesOfContent(request2.body);return bytes.every(byte=>byte>=
32&&byte<127||byte===10||byte===9)&&bytes.length<=ARGUMENT_BYTES_MAX?["",["--data-raw",quote(new TextDecoder().decode(bytes))]]:
[`printf ${octal(bytes)} | `,["--data-binary","@-"]]}function origin(exchange){let sni=sniOf(exchange);return sni===void 0?
["http",hostAndPort(exchange.server)]:["https",sni===null?hostAndPort(exchange.server):`${sni}:${exchange.server.port}`]}
function placeOf(exchange,target){let[scheme,server]=origin(exchange),seen=hostAndPort(exchange.server),there=server===seen?
[]:["--connect-to",quote(`::${seen}`)];return PLAIN_TARGET.test(target)?[...there,quote(`${scheme}://${server}${target}`)]:
[...there,"--request-target",word(target),quote(`${scheme}://${server}/`)]}function quote(text){return text?/[^\w@%+=:,./-]/.
test(text)?`'${text.replaceAll("'",`'"'"'`)}'`:text:"''"}function word(text){return/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.test(
text.replaceAll("	"," "))?`"$(printf ${octal(encoder2.encode(text))})"`:quote(text)}function octal(bytes){return`'${[...bytes].
map(byte=>{let letter=String.fromCharCode(byte);return byte>=32&&byte<127&&!"\\%'-".includes(letter)?letter:`\\${byte.toString(
8).padStart(3,"0")}`}).join("")}'`}var ABSOLUTE=/^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#]*)/;var utf8=new TextDecoder("utf-8",{ignoreBOM:!0});function split(target){let authority="",rest=target,found=ABSOLUTE.exec(
target);if(found){let named=found[1]??"";authority=named.slice(named.lastIndexOf("@")+1),rest=target.slice(found[0].length)||
"/"}else if(!["/","?","*"].includes(target.slice(0,1)))return{authority:target,path:"",query:""};let at=rest.indexOf("?");
return at<0?{authority,path:rest,query:""}:{authority,path:rest.slice(0,at),query:rest.slice(at+1)}}function unquoted(text){
return text.includes("%")?text.replace(/[\x00-\x7f]*%[\x00-\x7f]*/g,decoded):text}function decoded(text){let bytes=[];for(let at=0;at<
text.length;at++){let digits=text[at]==="%"?/^[0-9a-fA-F]{2}/.exec(text.slice(at+1,at+3)):null;bytes.push(digits?parseInt(
digits[0],16):text.charCodeAt(at)),at+=digits?2:0}return utf8.decode(new Uint8Array(bytes))}function pathOf(target){return unquoted(
split(target).path)}function parameters(target){let words=split(target).query.split("&");return words.length>1e4?[]:words.
filter(Boolean).map(word2=>{let at=word2.indexOf("="),parts=at<0?[word2,""]:[word2.slice(0,at),word2.slice(at+1)],[name="",
value=""]=parts.map(part=>unquoted(part.replaceAll("+"," ")));return[name,value]})}function authorityOf(request2){return request2.
authority!==void 0?request2.authority??"":split(request2.target??"").authority||field(request2.headers,"host")}function hostOf(authority){
let name=authority.slice(authority.lastIndexOf("@")+1).trim();return((name.startsWith("[")?name.slice(1).split("]")[0]:name.
split(":")[0])??"").toLowerCase()}function protocolsOf(exchange){let found=["http"],{request:request2,response}=exchange,
head=request2??response;return head&&found.push((head.version??"").startsWith("2")?"http2":"http1"),response&&(response.
status===101&&field(response.headers,"upgrade").toLowerCase()==="websocket"&&found.push("websocket"),field(response.headers,
"content-type").toLowerCase().startsWith("text/event-stream")&&found.push("sse")),exchange.grpc&&found.push("grpc"),found}
function field(fields,name){return fields.find(([each])=>each.toLowerCase()===name)?.[1]??""}function asHar(exchanges,version){let entries=exchanges.filter(({request:request2,response})=>request2??response).map(entryOf);
return JSON.stringify({log:{version:"1.2",creator:{name:"sockfilter",version},entries}},null,1)}function entryOf(exchange){
let{request:request2,response,timing}=exchange,known=seconds=>seconds===void 0?-1:seconds*1e3,phases={send:timing.send??
0,wait:timing.wait??0,receive:timing.receive??0};return{startedDateTime:exchange.time??new Date(0).toISOString(),time:(phases.
send+phases.wait+phases.receive+(timing.connect??0))*1e3,request:request2?requestOf(exchange,request2):emptyRequest,response:response?
responseOf(response):emptyResponse,cache:{},timings:{connect:known(timing.connect),send:phases.send*1e3,wait:phases.wait*
1e3,receive:phases.receive*1e3},serverIPAddress:exchange.server.ip,connection:String(exchange.connection),_problems:exchange.
problems}}function requestOf(exchange,request2){let scheme=exchange.tls===void 0?"http":"https",target=request2.target??
"",authority=authorityOf(request2)||hostAndPort(exchange.server);return{method:request2.method??"",url:target.startsWith(
"/")||target==="*"?`${scheme}://${authority}${target}`:target,httpVersion:`HTTP/${request2.version??"1.1"}`,cookies:[],headers:pairs(
request2.headers),queryString:pairs(parameters(target)),headersSize:-1,bodySize:request2.body.wire_len,...request2.body.
wire_len?{postData:{mimeType:field(request2.headers,"content-type"),...textOf(request2.body)}}:{}}}function responseOf(response){
return{status:response.status??0,statusText:response.reason,httpVersion:`HTTP/${response.version??"1.1"}`,cookies:[],headers:pairs(
response.headers),content:{size:response.body.len??response.body.wire_len,mimeType:field(response.headers,"content-type"),
...textOf(response.body)},redirectURL:field(response.headers,"location"),headersSize:-1,bodySize:response.body.wire_len}}
var emptyRequest={method:"",url:"",httpVersion:"",cookies:[],headers:[],queryString:[],headersSize:-1,bodySize:-1},emptyResponse={
status:0,statusText:"",httpVersion:"",cookies:[],headers:[],redirectURL:"",headersSize:-1,bodySize:-1,content:{size:0,mimeType:""}};
function pairs(fields){return fields.map(([name,value])=>({name,value}))}function textOf(content){return content.text!==
void 0?{text:content.text}:content.base64===void 0?{}:{text:content.base64,encoding:"base64"}}var TIMEOUT_S=10,NAME_MAX=60,LINE_BYTES=80,encoder3=new TextEncoder;function asPytest(exchange){let request2=asked(exchange),
{response}=exchange;if(!(request2.version??"").startsWith("1."))throw new NotRepeatable("a test speaks HTTP/1.1 alone");
if(!response)throw new NotRepeatable("its response was not seen");if(!response.status)throw new NotRepeatable("a respons\
e of HTTP/0.9 has no status to assert");let[checks,modules]=checksOf(response),sni=sniOf(exchange);sni!==void 0&&modules.
push("ssl");let imports=[...new Set(["http.client","socket",...modules])].sort().map(name=>`import ${name}
`),title=`${request2.method} ${pathOf(request2.target??"")}`.replace(/[^ -!#-[\]-~]/g,"?"),there=`socket.create_connecti\
on((${literal(exchange.server.ip)}, ${exchange.server.port}), timeout=${TIMEOUT_S})`,opening=sni===void 0?`    with ${there}\
 as connection:`:`    with ${there} as plain, ssl.create_default_context().wrap_socket(
        plain, server_hostname=${literal(sni??exchange.server.ip)}
    ) as connection:`,sent=sentOf(request2).map(piece=>`            ${piece}
`);return`"""${title}, as it was seen on the wire."""

${imports.join("")}

def ${nameOf(request2)}():
${opening}
        connection.sendall(
${sent.join("")}        )
        response = http.client.HTTPResponse(connection, method=${literal(request2.method??"")})
        response.begin()
        content = response.read()
${checks.map(line2=>`    ${line2}
`).join("")}`}function nameOf(request2){return`test_${`${request2.method} ${pathOf(request2.target??"")}`.toLowerCase().
replace(/[^a-z0-9]+/g,"_").replace(/^_+|_+$/g,"").slice(0,NAME_MAX).replace(/_+$/,"")}`}function sentOf(request2){let body=bytesOfContent(
request2.body),lines=fieldsToSend(request2).map(([name,value])=>`${name}: ${value}`),pieces=[];return isChunked(request2)?
(lines.push("Transfer-Encoding: chunked"),body.length&&pieces.push(encoder3.encode(`${body.length.toString(16)}\r
`),...slices(body),encoder3.encode(`\r
`)),pieces.push(encoder3.encode(`0\r
\r
`))):(isFramed(request2)&&lines.push(`Content-Length: ${body.length}`),pieces.push(...slices(body))),[...[`${request2.method}\
 ${request2.target} HTTP/${request2.version}`,...lines,""].map(line2=>encoder3.encode(`${line2}\r
`)),...pieces].map(bytesLiteral)}function slices(bytes){let made=[];for(let at=0;at<bytes.length;at+=LINE_BYTES)made.push(
bytes.subarray(at,at+LINE_BYTES));return made}function checksOf(response){let lines=[`assert response.status == ${response.
status}`],kind=valuesOf(response,"content-type")[0];kind!==void 0&&/^[\x20-\x7e]*$/.test(kind)&&lines.push(`assert respo\
nse.headers['Content-Type'] == ${literal(kind)}`);let coding=valuesOf(response,"content-encoding").join(", ").trim().toLowerCase()||
"identity",bytes=bytesOfContent(response.body),isGzip=coding==="gzip"&&bytes.length>0;if(!isWhole(response.body)||!isGzip&&
coding!=="identity"&&bytes.length)return[[...lines,"# the body was not kept whole, or has a coding that the standard lib\
rary does not know"],[]];let content=isGzip?"gzip.decompress(content)":"content",modules=isGzip?["gzip"]:[];return/json/i.
test(kind??"")&&isJson(response.body.text)?[[...lines,`assert json.loads(${content}) == json.loads(${bytesLiteral(bytes)}\
)`],[...modules,"json"]]:[[...lines,`assert ${content} == ${bytesLiteral(bytes)}`],modules]}function isJson(text){try{return JSON.
parse(text??""),!0}catch{return!1}}function literal(text){return`'${text.replace(/[\\']/g,"\\$&").replace(/[^\x20-\x7e]/gu,
letter=>{let digits=letter.codePointAt(0).toString(16);return digits.length>4?`\\U${digits.padStart(8,"0")}`:`\\u${digits.
padStart(4,"0")}`})}'`}function bytesLiteral(bytes){let named={9:"\\t",10:"\\n",13:"\\r",92:"\\\\"},mark=bytes.includes(
39)&&!bytes.includes(34)?'"':"'",made="";for(let byte of bytes){let letter=String.fromCharCode(byte);named[byte]?made+=named[byte]:
letter===mark?made+=`\\${mark}`:made+=byte>=32&&byte<127?letter:`\\x${byte.toString(16).padStart(2,"0")}`}return`b${mark}${made}${mark}`}var SVG="http://www.w3.org/2000/svg";function h(tag,attributes={},...children){let element=document.createElement(tag);return set(
element,attributes),append(element,children),element}function svg(tag,attributes={},...children){let element=document.createElementNS(
SVG,tag);return set(element,attributes),append(element,children),element}function set(element,{on,...attributes}){for(let[
name,value]of Object.entries(attributes))value===void 0||value===!1||element.setAttribute(name,value===!0?"":String(value));
for(let[name,listener]of Object.entries(on??{}))element.addEventListener(name,listener)}function append(element,children){
for(let child of children)child!=null&&child!==!1&&element.append(child)}function button(label,title,click,name=""){return h(
"button",{type:"button",title,class:name,"aria-label":title,on:{click}},label)}function download(name,text,type){let url=URL.
createObjectURL(new Blob([text],{type}));h("a",{href:url,download:name}).click(),setTimeout(()=>URL.revokeObjectURL(url),
6e4)}var Fault=class extends Error{constructor(words,start2=null,end2=0){super(words);this.start=start2;this.end=end2}start;end};var EACH=Symbol("*"),Between=class{constructor(first,last){this.first=first;this.last=last}first;last};function*comparisons(node){
if(node.type==="comparison")yield node;else for(let part of node.type==="not"?[node.part]:node.parts)yield*comparisons(part)}
function depth(node){return node.type==="comparison"?1:1+Math.max(...(node.type==="not"?[node.part]:node.parts).map(depth))}var FIRST=/^[A-Za-z_][\w-]*/,REST=/\.(?<word>[\p{L}\p{N}_$*-]+)|\.(?<string>"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*')|\[\s*(?:(?<index>\d+|\*)|(?<inside>"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*'))\s*\]/gu,
ESCAPE=/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[\s\S])/gu,ESCAPES={n:`
`,r:"\r",t:"	",0:"\0","\\":"\\",'"':'"',"'":"'","/":"/"},INDEX_DIGITS_MAX=9;function unquoted2(text){return text.slice(1,
-1).replace(ESCAPE,(whole2,code)=>{let known=ESCAPES[code];if(known!==void 0)return known;let number2=code.length>1&&/^[xuU]/.
test(code)?parseInt(code.slice(1),16):NaN;if(!(number2<1114112))throw new Fault(`there is no escape ${whole2}; \\\\ is a b\
ackslash`);return String.fromCodePoint(number2)})}function quoted(text){return`"${text.replace(/["\\]/g,"\\$&").replace(
/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu,letter=>{let code=letter.codePointAt(0),digits=code.toString(16);return code<256?`\\x${digits.
padStart(2,"0")}`:code<65536?`\\u${digits.padStart(4,"0")}`:`\\U${digits.padStart(8,"0")}`})}"`}var Names=class{constructor(description){
this.description=description;this.fields=new Map(description.fields.map(field2=>[field2.condition,field2]))}description;fields;understood(text,start2){
let pieces=this.pieces(text,start2),words=[];for(let{part}of pieces){if(typeof part!="string")break;words.push(part)}for(let count2=words.
length;count2>0;count2--){let name=words.slice(0,count2).join(".");if(Object.hasOwn(this.description.instead,name))break;
let condition=Object.hasOwn(this.description.names,name)?this.description.names[name]:void 0,field2=condition===void 0?void 0:
this.fields.get(condition);if(field2)return this.withKey(field2,text,start2,pieces,count2)}throw this.unknown(words,start2,
pieces)}pieces(text,start2){let first=FIRST.exec(text)[0],pieces=[{part:first,isLiteral:!1,end:first.length}];for(let found of text.
slice(first.length).matchAll(REST)){let{word:word2,string,index,inside}=found.groups,end2=first.length+found.index+found[0].
length;if(word2==="*"||index==="*")pieces.push({part:EACH,isLiteral:!1,end:end2});else if(index!==void 0)pieces.push({part:index.
length<=INDEX_DIGITS_MAX?Number(index):index,isLiteral:!1,end:end2});else if(word2!==void 0)pieces.push({part:word2,isLiteral:!1,
end:end2});else try{pieces.push({part:unquoted2(string??inside),isLiteral:!0,end:end2})}catch(error){throw error instanceof
Fault?new Fault(error.message,start2,start2+text.length):error}}return pieces}withKey(field2,text,start2,pieces,used){let rest=pieces.
slice(used).map(({part})=>part),made={field:field2,key:null,path:[],text};if(!rest.length)return made;if(field2.keys==="\
path")return{...made,path:rest[0]==="$"&&!pieces[used].isLiteral?rest.slice(1):rest};if(field2.keys==="name"&&rest[0]!==
EACH)return{...made,key:rest.map(part=>part===EACH?"*":String(part)).join(".")};throw new Fault(`${field2.name} has no p\
arts${this.beginningWith(field2.name)}`,start2,start2+text.length)}unknown(words,start2,pieces){let name=words.join("."),
end2=start2+pieces[words.length-1].end;for(let[other,use]of Object.entries(this.description.instead))if(`${name}.`.startsWith(
`${other}.`))return new Fault(`there is no field ${other}; use ${use}`,start2,end2);let own=this.description.fields.map(
field2=>field2.name),near=nearest(name.toLowerCase(),own);if(near)return new Fault(`there is no field ${name}; did you m\
ean ${near}?`,start2,end2);let group=words.length>1?this.beginningWith(words[0]):"";return new Fault(`there is no field ${name}${group||
`; there are ${own.join(", ")}`}`,start2,end2)}beginningWith(group){let found=this.description.fields.map(field2=>field2.
name).filter(name=>name.startsWith(`${group}.`));return found.length?`; there are ${found.join(", ")}`:""}};function nearest(text,words){
let best=words.map(word2=>[distance(text,word2),word2]).sort((one,other)=>one[0]-other[0])[0];return best&&best[0]<=Math.
max(1,Math.floor(text.length/3))?best[1]:null}function distance(one,other){let row=Array.from({length:other.length+1},(_,at)=>at);
for(let at=1;at<=one.length;at++){let next=[at];for(let to=1;to<=other.length;to++){let changed=row[to-1]+(one[at-1]===other[to-
1]?0:1);next.push(Math.min(changed,row[to]+1,next[to-1]+1))}row=next}return row[other.length]}function bytesOf(text){return text.includes(":")?ofV6(text):ofV4(text)}function ofV4(text){let parts=text.split(".");return parts.
length!==4?null:parts.every(part=>/^(0|[1-9][0-9]{0,2})$/.test(part)&&Number(part)<256)?parts.map(Number):null}function ofV6(text){
let[address="",scope,more]=text.split("%");if(more!==void 0||scope==="")return null;let halves=address.split("::");if(halves.
length>2)return null;let groups=halves.map(half=>half===""?[]:half.split(":")),last=groups[groups.length-1],inside=last.
length&&last[last.length-1].includes(".")?ofV4(last.pop()):[];if(inside===null)return null;inside.length&&last.push(...[
0,2].map(at=>(inside[at]<<8|inside[at+1]).toString(16)));let count2=groups.reduce((sum,each)=>sum+each.length,0);if(halves.
length===2?count2>7:count2!==8)return null;let zeros=Array(8-count2).fill("0"),all=halves.length===2?[...groups[0],...zeros,
...groups[1]]:groups[0];return all.every(group=>/^[0-9a-fA-F]{1,4}$/.test(group))?all.flatMap(group=>[parseInt(group,16)>>
8,parseInt(group,16)&255]):null}function networkOf(text){let[address="",mask,more]=text.split("/"),bytes=bytesOf(address);
if(bytes===null||more!==void 0)return null;let most=bytes.length*8;if(mask===void 0)return{bytes,bits:most,isSingle:!0,text:written(
bytes,address)};let bits=bitsOf(mask,bytes.length===4);return bits===null||bits>most?null:{bytes,bits,isSingle:!1,text}}
function bitsOf(mask,isV4){if(/^[0-9]{1,10}$/.test(mask))return Number(mask);let bytes=isV4?ofV4(mask):null;if(bytes===null)
return null;let bits=bytes.map(byte=>byte.toString(2).padStart(8,"0")).join(""),found=/^(1*)0*$/.exec(bits)??/^(0*)1*$/.
exec(bits);return found?found[1].length:null}function isWithin(address,network2){let bytes=bytesOf(address);if(bytes===null||
bytes.length!==network2.bytes.length)return!1;let left=network2.bits;for(let at=0;left>0;at++,left-=8){let mask=left>=8?
255:255<<8-left&255;if((bytes[at]&mask)!==(network2.bytes[at]&mask))return!1}return!0}function written(bytes,source){if(bytes.
length===4)return bytes.join(".");let groups=[0,2,4,6,8,10,12,14].map(at2=>(bytes[at2]<<8|bytes[at2+1]).toString(16)),runs=[
...groups.join(":").matchAll(/(?<![0-9a-f])0(?::0)+(?![0-9a-f])/g)],longest=runs.reduce((best,run)=>run[0].length>best.length?
run[0]:best,""),scope=source.includes("%")?source.slice(source.indexOf("%")):"";if(!longest)return groups.join(":")+scope;
let at=runs.find(run=>run[0]===longest).index,text=groups.join(":"),before=text.slice(0,at).replace(/:$/,""),after=text.
slice(at+longest.length).replace(/^:/,"");return`${before}::${after}${scope}`}var EQUALS=["==","!="],ORDERS=["<","<=",">",">="],SEARCHES=["~","!~","contains","startswith","endswith"],NUMBER=/^-?[0-9]{1,18}$/,
CLASS=/^([1-9])[xX]{2}$/,DECIMAL="(?:[0-9]{1,18}(?:\\.[0-9]{0,18})?|\\.[0-9]{1,18})",UNITS_NS={ns:1n,us:1000n,\u00B5s:1000n,
ms:10n**6n,s:10n**9n,m:60n*10n**9n,h:3600n*10n**9n},UNITS_BYTES={B:1n,kB:1000n,KB:1000n,MB:10n**6n,GB:10n**9n,KiB:1n<<10n,
MiB:1n<<20n,GiB:1n<<30n},PART_NS=`(${DECIMAL})(ns|us|\xB5s|ms|s|m|h)`,TIME=new RegExp(`^(?:(?:${PART_NS})+|(${DECIMAL}))\
$`),SIZE=new RegExp(`^(${DECIMAL})(${Object.keys(UNITS_BYTES).join("|")})?$`),JSON_NUMBER=/^-?(?:0|[1-9][0-9]{0,300})(?:\.[0-9]{1,300})?(?:[eE][+-]?[0-9]{1,3})?$/,
WrongValue=class extends Error{},NoValue=class extends Error{};function operatorsOf(kind){return["text","method","path",
"folded"].includes(kind)?[...EQUALS,...SEARCHES]:["whole","seconds","bytes"].includes(kind)?[...EQUALS,...ORDERS]:kind===
"any"?[...EQUALS,...ORDERS,...SEARCHES]:EQUALS}function hasRanges(kind){return["whole","seconds","bytes","any"].includes(
kind)}function nameOfKind(field2){return{whole:"a number",seconds:"a time",bytes:"a size",flag:"true or false",address:"\
an address",any:"a value of JSON"}[field2.kind]??(field2.kind==="one"?field2.article:"a text")}function rounded(text,unit){
let[whole2="",fraction=""]=text.split("."),scale=10n**BigInt(fraction.length),value=BigInt(`0${whole2}${fraction}`)*unit;
return Number((2n*value+scale)/(2n*scale))}function time(text){if(!TIME.test(text))throw new NoValue("a time such as 200\
ms, 1.5s or 2m");let parts=[...text.matchAll(new RegExp(PART_NS,"g"))];return parts.length?parts.reduce((sum,[,number2,unit])=>sum+
rounded(number2,UNITS_NS[unit]),0):rounded(text,UNITS_NS.s)}function size(text){let found=SIZE.exec(text);if(!found)throw new NoValue(
"a size such as 500, 10KiB or 2MB");return rounded(found[1],UNITS_BYTES[found[2]??"B"])}function whole(text){let found=CLASS.
exec(text);if(found)return new Between(Number(found[1])*100,Number(found[1])*100+99);if(!NUMBER.test(text))throw new NoValue(
"a whole number");return Number(text)}function network(text){let found=networkOf(text);if(!found)throw new NoValue("an a\
ddress or a network, such as 10.0.0.7, 10.0.0.0/8 or fd00::/8");return found}function json({text,isQuoted}){if(isQuoted)
return text;if(text==="true"||text==="false")return text==="true";if(text==="null")return null;let value=JSON_NUMBER.test(
text)?Number(text):NaN;return Number.isFinite(value)?value:text}function oneOf(field2,text){if(field2.words.includes(text))
return text;if(field2.numbers&&NUMBER.test(text))return Number(text);let folded=text.toLowerCase(),near=field2.words.find(
word2=>word2.toLowerCase()===folded||word2.toLowerCase().startsWith(folded)),known=near?`did you mean ${near}?`:`there a\
re ${field2.words.join(", ")}`;throw new WrongValue(`${text} is not ${field2.article}; ${known}`)}function read(field2,written3){
let{text}=written3;switch(field2.kind){case"method":if(isLower(text))throw new WrongValue(`methods are in upper case: ${text.
toUpperCase()}`);return text;case"path":if(text.includes("?"))throw new WrongValue("a path has no query: compare target,\
 or query.NAME");return text;case"folded":return text.toLowerCase();case"whole":return whole(text);case"seconds":return time(
text);case"bytes":return size(text);case"flag":if(written3.isQuoted||!["true","false"].includes(text))throw new NoValue(
"true or false");return text==="true";case"address":return network(text);case"any":return json(written3);case"one":return oneOf(
field2,text);default:return text}}function isLower(text){return/\p{Lowercase}/u.test(text)&&!/\p{Uppercase}|\p{Lt}/u.test(
text)}var ITEMS_MAX=12,EXAMPLES={seconds:["100ms","1s"],bytes:["10KiB","1MiB"],flag:["true","false"]},OPERATOR=/^(===?|!=|<=|>=|=~|!~|[~<>]|(?:not\s+in|in|eq|ne|lt|le|gt|ge|contains|matches|startswith|endswith)(?![\w.-]))/i,
VALUE=/^(?:[rR]?"(?:[^"\\]|\\.)*"|[rR]?'(?:[^'\\]|\\.)*'|[^\s()[\]{}"',&|=!<>~]+)/;function suggestions(text,description,seen){
let byName=new Map(description.fields.map(field3=>[field3.name,field3])),at=0,state="term",field2;for(;;){at+=/^\s*/.exec(
text.slice(at))[0].length;let rest=text.slice(at);if(!rest)break;let isLast=found=>at+found.length===text.length;if(state===
"term"){let start2=/^(\(|!(?![=~])|not\b(?![.-]))/i.exec(rest);if(start2&&(!/^not$/i.test(start2[0])||!isLast(start2[0]))){
at+=start2[0].length;continue}let name=/^[A-Za-z_][\w.-]*/.exec(rest)?.[0];if(name===void 0||isLast(name))return ofFields(
name??"",at,description);field2=fieldOf(name,byName,description),at+=name.length,state="operator"}else if(state==="opera\
tor"){let operator=OPERATOR.exec(rest)?.[0];if(operator===void 0){if(/^(and|or|&&|\|\||\))/i.test(rest)){state="join";continue}
return{from:at,items:ofOperators(field2,rest)}}at+=operator.length,state=/in$/i.test(operator)?"set":"value"}else if(state===
"value"||state==="set"){if(state==="set"&&/^[{([,]/.test(rest)){at++;continue}let value=VALUE.exec(rest)?.[0]??rest;if(isLast(
value))return{from:at,items:ofValues(field2,value,seen)};at+=value.length;let next=/^\s*[,\])}]/.exec(text.slice(at));state===
"set"&&next?at+=next[0].length:state="join"}else{let join=/^(and\b|or\b|&&|\|\||\)|[}\]])/i.exec(rest)?.[0];if(join===void 0||
isLast(join)&&/^[a-z]/i.test(join))return{from:at,items:ofJoins(rest)};at+=join.length,state=/^[)}\]]/.test(join)?"join":
"term"}}return state==="term"?ofFields("",at,description):state==="operator"?{from:at,items:[...ofOperators(field2,""),...ofJoins(
"")]}:state==="join"?{from:at,items:ofJoins("")}:{from:at,items:ofValues(field2,"",seen)}}function fieldOf(name,byName,description){
let words=name.split(".");for(let count2=words.length;count2>0;count2--){let condition=description.names[words.slice(0,count2).
join(".")],found=description.fields.find(field2=>field2.condition===condition);if(found)return found}return byName.get(name)}
function ofFields(beginning,from,description){let lower=beginning.toLowerCase(),all=[...description.fields].map(field2=>({
text:field2.keys==="name"?`${field2.name}.`:field2.name,note:field2.keys==="path"?"a value of JSON, by its path":nameOfKind(
field2)})),starts=all.filter(({text})=>text.startsWith(lower)&&text!==beginning),inside=all.filter(({text})=>!text.startsWith(
lower)&&text.includes(lower));return{from,items:[...starts,...lower?inside:[]].slice(0,ITEMS_MAX)}}function ofOperators(field2,beginning){
return field2?[...operatorsOf(field2.kind),...field2.kind==="flag"?[]:["in"]].filter(word2=>word2.startsWith(beginning)).
map(text=>({text,note:`of ${nameOfKind(field2)}`})):[]}function ofValues(field2,beginning,seen){if(!field2)return[];let found=seen(
field2).map(value=>({text:written2(value,field2),note:"seen"})),known=[...field2.words,...EXAMPLES[field2.kind]??[],...field2.
condition==="status"?["2xx","4xx","5xx"]:[]],items=[...found,...known.map(text=>({text,note:hasRanges(field2.kind)?"for \
example":""}))],lower=beginning.replace(/^["']/,"").toLowerCase();return[...new Map(items.map(item=>[item.text,item])).values()].
filter(({text})=>text!==beginning&&text.replace(/^"/,"").toLowerCase().startsWith(lower)).slice(0,ITEMS_MAX)}function ofJoins(beginning){
return[{text:"and",note:"both must hold"},{text:"or",note:"one must hold"}].filter(({text})=>text.startsWith(beginning.toLowerCase())&&
text!==beginning)}function written2(value,field2){return typeof value=="number"||field2.kind==="address"||field2.kind===
"one"?String(value):/^[\w/.:-]+$/.test(value)&&!/\.\./.test(value)&&field2.kind!=="any"?value:quoted(value)}function isExchange(line2){return line2.kind==="exchange"}var HIDDEN=/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufe00-\ufe0f]|[\u{e0100}-\u{e01ef}]/gu,
MARKS=/(\p{M}{3})\p{M}+/gu;function escaped(letter){if(letter===`
`||letter==="	")return letter;let code=letter.codePointAt(0);return code<256?`\\x${code.toString(16).padStart(2,"0")}`:`\
\\u{${code.toString(16)}}`}function shown(text){return/^[\x20-\x7e]*$/.test(text)?text:text.replace(HIDDEN,escaped).replace(
MARKS,"$1")}function line(text,limit=2e3){let cut=text.length>limit?`${text.slice(0,limit)}\u2026`:text;return shown(cut).
replace(/[\n\t]/g,letter=>letter===`
`?"\\n":"\\t")}function size2(bytes){if(bytes===null)return"";if(bytes<1024)return`${bytes} B`;let units=["KiB","MiB","G\
iB","TiB"],value=bytes,at=-1;do value/=1024,at++;while(value>=1024&&at<units.length-1);return`${value<10?value.toFixed(1):
Math.round(value)} ${units[at]}`}function duration(seconds){if(seconds==null)return"";if(seconds>=60)return`${Math.floor(
seconds/60)} m ${Math.round(seconds%60)} s`;if(seconds>=1)return`${seconds<10?seconds.toFixed(2):seconds.toFixed(1)} s`;
let milliseconds2=seconds*1e3;return milliseconds2>=1?`${milliseconds2<10?milliseconds2.toFixed(1):Math.round(milliseconds2)}\
 ms`:`${Math.round(seconds*1e6)} \xB5s`}function clock(time2){if(time2===null)return"";let date=new Date(time2),two=value=>String(
value).padStart(2,"0"),rest=String(date.getMilliseconds()).padStart(3,"0");return`${two(date.getHours())}:${two(date.getMinutes())}\
:${two(date.getSeconds())}.${rest}`}function count(number2,one,many=`${one}s`){return`${number2.toLocaleString("en")} ${number2===
1?one:many}`}var CHARS_MAX=2e5,MEMBERS_MAX=500,OPEN_LEVELS=3,HEX_BYTES_MAX=8192,PIXELS_MAX=16e6;function payload(content,type,addJson){
let box=h("div",{class:"payload"}),bytes=bytesOfContent(content);if(!bytes.length)return box.append(h("p",{class:"note"},
emptyNote(content))),box;let views=viewsOf(content,bytes,type,addJson),place=h("div",{}),tabs=h("div",{class:"views",role:"\
tablist"});for(let[name,make]of views){let tab=h("button",{type:"button",role:"tab"},name);tab.addEventListener("click",
()=>{for(let other of tabs.children)other.classList.toggle("on",other===tab);place.replaceChildren(make())}),tabs.append(
tab)}return tabs.append(h("span",{class:"note"},sizeNote(content,bytes.length))),box.append(tabs,place),tabs.firstElementChild.
click(),box}function emptyNote(content){return content.wire_len?`${size2(content.wire_len)} passed, of which nothing was\
 kept; --body N keeps the first N bytes of each body.`:"No content."}function sizeNote(content,kept){let whole2=content.
len??content.wire_len;return content.kept!==void 0?`${size2(kept)} kept of ${size2(whole2)}; --body ${whole2} keeps all`:
content.len!==void 0&&content.len!==content.wire_len?`${size2(content.len)}, sent as ${size2(content.wire_len)}`:size2(kept)}
function viewsOf(content,bytes,type,addJson){let views=[],text=content.text;if(text!==void 0){let json2=isWhole(content)?
parsedJson(text):void 0;json2!==void 0?views.push(["JSON",()=>jsonTree(json2.value,addJson)]):/^\s*</.test(text)&&/xml|html|svg/i.
test(type+text.slice(0,200))&&views.push(["Structure",()=>markup(text)]),/x-www-form-urlencoded/i.test(type)&&views.push(
["Form",()=>form(text)]),views.push(["Text",()=>long(text)])}let picture2=pictureOf(bytes);return picture2&&views.unshift(
["Picture",()=>image(bytes,picture2,isWhole(content))]),views.push(["Bytes",()=>hex(bytes)]),views}function parsedJson(text){
if(/^\s*[[{"\dtfn-]/.test(text))try{return{value:JSON.parse(text)}}catch{return}}function jsonTree(value,add){return h("\
div",{class:"json"},member(null,value,[],0,add))}function member(key,value,path2,level,add){let name=key===null?null:h("\
span",{class:"key"},`${typeof key=="number"?key:shown(key)}: `);if(typeof value!="object"||value===null){let kind=value===
null?"null":typeof value,text=typeof value=="string"?`"${shown(value)}"`:String(value),leaf=h("button",{type:"button",class:`\
value ${kind}`,title:"click: filter by this value"},text);return leaf.addEventListener("click",()=>add(path2,value)),h("\
div",{class:"leaf"},name,leaf)}let isList=Array.isArray(value),entries=isList?value.map((each,at)=>[at,each]):Object.entries(
value),brief=isList?`[${entries.length}]`:`{${entries.length}}`;if(!entries.length)return h("div",{class:"leaf"},name,isList?
"[]":"{}");let details=h("details",{open:level<OPEN_LEVELS&&entries.length<=100},h("summary",{},name,h("span",{class:"no\
te"},brief))),fill=()=>{if(!(details.childElementCount>1)){for(let[at,each]of entries.slice(0,MEMBERS_MAX))details.append(
member(at,each,[...path2,at],level+1,add));entries.length>MEMBERS_MAX&&details.append(h("p",{class:"note"},`and ${count(
entries.length-MEMBERS_MAX,"more")}`))}};return details.open&&fill(),details.addEventListener("toggle",fill),details}function markup(text){
let box=h("pre",{class:"text"}),level=0;for(let[part]of text.slice(0,CHARS_MAX).matchAll(/<!--[\s\S]*?-->|<[^>]*>|[^<]+/g)){
let words=part.trim();if(!words)continue;let isEnd=words.startsWith("</"),isStart=/^<[A-Za-z]/.test(words)&&!words.endsWith(
"/>")&&!/^<(area|base|br|col|hr|img|input|link|meta|source|wbr)\b/i.test(words);isEnd&&(level=Math.max(0,level-1)),box.append(
h("span",{class:words.startsWith("<")?"tag":""},`${"  ".repeat(Math.min(level,40))}${shown(words)}
`)),isStart&&level++}return box}function form(text){let table=h("table",{class:"fields"});for(let[name,value]of new URLSearchParams(
text))table.append(h("tr",{},h("th",{},shown(name)),h("td",{},shown(value))));return table}function long(text,limit=CHARS_MAX){
let box=h("pre",{class:"text"},shown(text.slice(0,limit)));if(text.length<=limit)return box;let more=h("button",{type:"b\
utton"},`show ${count(text.length-limit,"more character")}`);return more.addEventListener("click",()=>box.replaceChildren(
shown(text))),box.append(`
`,more),box}function hex(bytes){let lines=[];for(let at=0;at<Math.min(bytes.length,HEX_BYTES_MAX);at+=16){let row=[...bytes.
subarray(at,at+16)],digits=row.map(byte=>byte.toString(16).padStart(2,"0")).join(" "),letters2=row.map(byte=>byte>=32&&byte<
127?String.fromCharCode(byte):"\xB7").join("");lines.push(`${at.toString(16).padStart(6,"0")}  ${digits.padEnd(47)}  ${letters2}`)}
return bytes.length>HEX_BYTES_MAX&&lines.push(`\u2026 ${count(bytes.length-HEX_BYTES_MAX,"more byte")}`),h("pre",{class:"\
text hex"},lines.join(`
`))}function pictureOf(bytes){let view=new DataView(bytes.buffer,bytes.byteOffset,bytes.byteLength),ascii=(from,to)=>String.
fromCharCode(...bytes.subarray(from,to));return bytes.length<26?null:ascii(1,4)==="PNG"?{type:"image/png",width:view.getUint32(
16),height:view.getUint32(20)}:ascii(0,4)==="GIF8"?{type:"image/gif",width:view.getUint16(6,!0),height:view.getUint16(8,
!0)}:ascii(0,2)==="BM"?{type:"image/bmp",width:Math.abs(view.getInt32(18,!0)),height:Math.abs(view.getInt32(22,!0))}:ascii(
0,4)==="RIFF"&&ascii(8,12)==="WEBP"?webp(bytes,view,ascii(12,16)):bytes[0]===255&&bytes[1]===216?jpeg(view):null}function webp(bytes,view,kind){
if(bytes.length<30)return null;let type="image/webp";if(kind==="VP8X")return{type,width:1+(view.getUint32(24,!0)&16777215),
height:1+(view.getUint32(26,!0)>>>8)};if(kind==="VP8L"){let bits=view.getUint32(21,!0);return{type,width:1+(bits&16383),
height:1+(bits>>14&16383)}}return{type,width:view.getUint16(26,!0)&16383,height:view.getUint16(28,!0)&16383}}function jpeg(view){
let at=2;for(;at+9<view.byteLength&&view.getUint8(at)===255;){let marker=view.getUint8(at+1);if(marker>=192&&marker<=207&&
![196,200,204].includes(marker))return{type:"image/jpeg",height:view.getUint16(at+5),width:view.getUint16(at+7)};at+=2+view.
getUint16(at+2)}return null}function image(bytes,picture2,whole2){let about=`${picture2.type.slice(6).toUpperCase()}, ${picture2.
width} \xD7 ${picture2.height}`;if(!whole2)return h("p",{class:"note"},`${about}; it was not kept whole, so it cannot be\
 shown.`);if(picture2.width*picture2.height>PIXELS_MAX)return h("p",{class:"note"},`${about}; it is too large to be show\
n.`);let url=URL.createObjectURL(new Blob([bytes],{type:picture2.type})),shownImage=h("img",{src:url,alt:about}),note=h(
"figcaption",{class:"note"},about);return shownImage.addEventListener("load",()=>URL.revokeObjectURL(url)),shownImage.addEventListener(
"error",()=>{URL.revokeObjectURL(url),note.textContent=`${about}; the browser cannot read it.`}),h("figure",{},shownImage,
note)}var NOTHING=[];function milliseconds(time2){if(time2===null)return null;let seconds=Date.parse(`${time2.slice(0,19)}Z`);
return Number.isNaN(seconds)?null:seconds+ +`0${time2.slice(19,-1)}`*1e3}var Ends=class{known=new Map;of(end2){let key=`${end2.
ip} ${end2.port} ${end2.pid??""} ${end2.comm??""} ${end2.exe??""}`,found=this.known.get(key);return found||(this.known.size>
2e4&&this.known.clear(),this.known.set(key,end2),end2)}};function rowOf(line2,seq,ends){return isExchange(line2)?ofExchange(
line2,seq,ends):ofMessage(line2,seq,ends)}function ofExchange(line2,seq,ends){let{request:request2,response,grpc}=line2,
authority=request2?authorityOf(request2):"",name=grpc&&grpc.service!==null?`${grpc.service}/${grpc.method??""}`:null;return{
seq,id:line2.id,isMessage:!1,kind:"",sender:"",time:milliseconds(line2.time),connection:line2.connection,interface:line2.
interface,stream:line2.stream??null,client:ends.of(line2.client),server:ends.of(line2.server),hasRequest:request2!==null,
method:request2?.method??"",target:request2?.target??"",version:request2?.version??"",authority,host:authority?hostOf(authority):
"",hasResponse:response!==null,status:response?response.status??0:null,contentType:response?(field(response.headers,"con\
tent-type").split(";")[0]??"").trim():"",requestBytes:request2?request2.body.wire_len:null,responseBytes:response?response.
body.wire_len:null,timing:line2.timing,complete:line2.complete,pushed:line2.pushed===!0,retransmissions:line2.retransmissions??
0,problems:line2.problems.length?line2.problems:NOTHING,protocols:protocolsOf(line2),reset:line2.reset??null,tcp:tcpOf(line2),
culprit:line2.culprit?.word??null,call:grpc?{name,service:grpc.service,status:grpc.status,statusName:grpc.status_name}:null,
isSecure:line2.tls!==void 0,pinned:!1}}function tcpOf({tcp}){return tcp===void 0?null:{retransmitted:[tcp.client,tcp.server].
reduce((sum,end2)=>sum+(end2?.retransmitted_bytes??0),0),drops:tcp.drops?.length??0}}function ofMessage(line2,seq,ends){
return{seq,id:line2.exchange,isMessage:!0,kind:line2.type??line2.kind,sender:line2.from,time:milliseconds(line2.time),connection:line2.
connection,interface:line2.interface,stream:null,client:ends.of(line2.client),server:ends.of(line2.server),hasRequest:!1,
method:"",target:"",version:"",authority:"",host:"",hasResponse:!1,status:null,contentType:"",requestBytes:line2.wire_len??
0,responseBytes:null,timing:{},complete:!0,pushed:!1,retransmissions:0,problems:line2.problems.length?line2.problems:NOTHING,
protocols:[line2.protocol],reset:null,tcp:null,culprit:null,call:null,isSecure:!1,pinned:!1}}function nanoseconds(seconds){
return seconds===void 0?null:Math.round(seconds*1e9)}function isError(row){return(row.call&&row.call.status!==null?row.call.
status!==0:row.status!==null&&row.status>=400)||row.problems.length>0}var ROW_PIXELS=24,MARGIN=8,PHASES=["connect","send","wait","receive"],COLUMNS=[{name:"time",title:"when the request bega\
n",key:row=>row.time??0,text:row=>clock(row.time)},{name:"method",title:"the method",key:row=>row.method,text:row=>row.method},
{name:"where",title:"host and target",key:whereOf,text:whereOf},{name:"status",title:"the status of the response",key:row=>row.
status??-1,text:statusOf},{name:"type",title:"the type of the response",key:row=>row.contentType,text:typeOf},{name:"siz\
e",title:"bytes of the response's body, as sent",key:row=>row.responseBytes??-1,text:row=>size2(row.isMessage?row.requestBytes:
row.responseBytes)},{name:"took",title:"from the first byte of the request to the last of the response",key:row=>row.timing.
total??-1,text:row=>duration(row.timing.total)},{name:"client",title:"the client: its process if it is known, else its a\
ddress",key:clientOf,text:clientOf}];function whereOf(row){return row.isMessage?`${row.protocols[0]} ${row.sender==="cli\
ent"?"\u2192":"\u2190"} ${row.kind}`:row.call?.name?row.call.name:row.hasRequest?row.target.startsWith("/")?(row.authority||
`${row.server.ip}:${row.server.port}`)+row.target:row.target:"(the request was not seen)"}function statusOf(row){return row.
call&&row.call.status!==null?row.call.statusName??String(row.call.status):row.status===null?row.isMessage?"":"\u2013":row.
status===0?"?":String(row.status)}function typeOf(row){return row.contentType.replace(/^(application|text|image)\/(x-|vnd\.)?/,
"")}function clientOf(row){return row.client.comm??row.client.ip}var Table=class{constructor(choose,sorted){this.choose=
choose;this.sorted=sorted;for(let column of COLUMNS){let cell=h("button",{type:"button",class:`cell ${column.name}`,title:`${column.
title}; click: sort`},column.name);cell.addEventListener("click",()=>this.sortBy(column)),this.head.append(cell)}this.head.
append(h("span",{class:"cell waterfall"},h("span",{class:"label"},"waterfall"),this.scale)),this.scroller.append(this.space),
this.scroller.addEventListener("scroll",()=>{this.follows=this.scroller.scrollTop+this.scroller.clientHeight>=this.space.
offsetHeight-ROW_PIXELS,this.render()}),this.scroller.addEventListener("click",event=>{let found=event.target.closest(".\
row"),slot=this.slots.find(({element})=>element===found);slot?.row&&this.choose(slot.row,event)}),new ResizeObserver(()=>this.
render()).observe(this.scroller),this.element=h("div",{class:"table"},this.head,this.scroller,this.empty)}choose;sorted;element;rows=[];selected=null;follows=!0;sort=null;scroller=h(
"div",{class:"rows",tabindex:"0",role:"grid","aria-label":"exchanges"});space=h("div",{class:"space"});head=h("div",{class:"\
row head",role:"row"});scale=h("span",{class:"scale"});empty=h("div",{class:"empty"});slots=[];isDue=!1;focus(){this.scroller.
focus({preventScroll:!0})}show(rows,words){this.rows=rows,this.empty.textContent=rows.length?"":words,this.render()}sortBy(column){
this.sort?.column!==column?this.sort={column,down:!1}:this.sort=this.sort.down?null:{column,down:!0};for(let cell of this.
head.children){let isThis=this.sort?.column.name===cell.classList[1];cell.classList.toggle("up",isThis&&this.sort?.down===
!1),cell.classList.toggle("down",isThis&&this.sort?.down===!0)}this.sorted()}order(rows){if(!this.sort)return rows;let{column,
down}=this.sort,sign=down?-1:1,keyed=rows.map(row=>[column.key(row),row]);return keyed.sort(([one,first],[other,second])=>one<
other?-sign:one>other?sign:first.seq-second.seq),keyed.map(([,row])=>row)}scrollTo(row){let at=this.rows.indexOf(row);if(at<
0)return;let top=at*ROW_PIXELS,{scrollTop,clientHeight}=this.scroller;top<scrollTop?this.scroller.scrollTop=top:top+ROW_PIXELS>
scrollTop+clientHeight&&(this.scroller.scrollTop=top+ROW_PIXELS-clientHeight),this.render()}dropped(count2){!this.follows&&
count2&&(this.scroller.scrollTop-=count2*ROW_PIXELS)}render(){this.isDue||(this.isDue=!0,requestAnimationFrame(()=>{this.
isDue=!1,this.draw()}))}draw(){let{scroller,rows}=this;this.space.style.height=`${rows.length*ROW_PIXELS}px`,this.follows&&
!this.sort&&(scroller.scrollTop=rows.length*ROW_PIXELS);let height=scroller.clientHeight,top=scroller.scrollTop,first=Math.
max(0,Math.floor(top/ROW_PIXELS)-MARGIN),last=Math.min(rows.length,Math.ceil((top+height)/ROW_PIXELS)+MARGIN);for(;this.
slots.length<last-first;)this.addSlot();let[start2,end2]=this.span(rows,Math.floor(top/ROW_PIXELS),Math.ceil((top+height)/
ROW_PIXELS));this.scale.textContent=end2>start2?duration((end2-start2)/1e3):"",this.slots.forEach((slot,number2)=>{let row=rows[first+
number2];if(slot.element.hidden=first+number2>=last||row===void 0,slot.element.hidden||!row){slot.row=null;return}this.fill(
slot,row,first+number2,start2,end2)})}span(rows,first,last){let start2=1/0,end2=-1/0;for(let at=Math.max(0,first);at<Math.
min(last,rows.length);at++){let{time:time2,timing}=rows[at];time2!==null&&(start2=Math.min(start2,time2-(timing.connect??
0)*1e3),end2=Math.max(end2,time2+(timing.total??0)*1e3))}return end2>=start2?[start2,Math.max(end2,start2+.001)]:[0,0]}addSlot(){
let cells=COLUMNS.map(column=>h("span",{class:`cell ${column.name}`})),bars=PHASES.map(phase2=>h("i",{class:phase2})),waterfall=h(
"span",{class:"cell waterfall"},...bars),element=h("div",{class:"row",role:"row"},...cells,waterfall);this.space.append(
element),this.slots.push({element,cells,bars,waterfall,row:null})}fill(slot,row,at,start2,end2){let{element,cells}=slot;
slot.row!==row&&(COLUMNS.forEach((column,number2)=>{let text=line(column.text(row),400);column.name!=="where"?cells[number2].
textContent=text:fillWhere(cells[number2],row,text)}),cells[3].title=row.problems.join(", "),slot.row=row),element.style.
top=`${at*ROW_PIXELS}px`;let status=row.call&&row.call.status!==null?row.call.status?500:200:row.status??0;element.className=
`row s${Math.floor(status/100)}${row===this.selected?" selected":""}${row.pinned?" pinned":""}${row.problems.length?" pr\
oblem":""}${isError(row)?" error":""}${at%2?" odd":""}`;let scale=end2>start2?100/(end2-start2):0,{timing}=row,left=((row.
time??start2)-(timing.connect??0)*1e3-start2)*scale;PHASES.forEach((phase2,number2)=>{let bar=slot.bars[number2],width=row.
time===null?0:(timing[phase2]??0)*1e3*scale;bar.style.left=`${left.toFixed(2)}%`,bar.style.width=`${width.toFixed(2)}%`,
bar.hidden=timing[phase2]===void 0,left+=width})}};function fillWhere(cell,row,text){cell.title=text;let host=row.isMessage||
row.call?.name?"":line(row.authority,200);!host||!text.startsWith(host)?cell.textContent=text:cell.replaceChildren(h("sp\
an",{class:"host"},host),text.slice(host.length))}var MESSAGES_MAX=500,Details=class{constructor(around,close){this.around=around;let copies=h("div",{class:"actions"},button(
"curl","copy as a curl command",()=>this.copy("curl")),button("pytest","copy as a test",()=>this.copy("pytest")),button(
"HAR","save as an HTTP archive",()=>this.copy("HAR")),button("JSON","copy the JSON line",()=>this.copy("JSON")),button("\
\xD7","close (Esc)",close,"close"));this.element.append(h("header",{},this.title,copies),this.tabs,this.place)}around;element=h(
"aside",{class:"details","aria-label":"details",hidden:!0});tab="overview";title=h("h2",{});tabs=h("div",{class:"tabs",role:"\
tablist"});place=h("div",{class:"body"});makers=[];line=null;async show(row){let line2=await this.around.lineOf(row);if(this.
line=line2,this.element.hidden=!1,this.title.textContent=line(`${row.method} ${whereOf(row)}`.trim(),300),!line2){this.tabs.
replaceChildren(),this.place.replaceChildren(h("p",{class:"note"},"The details of this exchange are no longer there: new\
er ones have taken their place. Pin an exchange to keep it."));return}this.makers=isExchange(line2)?this.ofExchange(line2,
row):this.ofMessage(line2),this.makers.some(([name])=>name===this.tab)||(this.tab="overview");let tabs=this.makers.map(([
name])=>h("button",{type:"button",role:"tab","data-tab":name,on:{click:()=>this.open(name)}},name));this.tabs.replaceChildren(
...tabs),this.open(this.tab)}hide(){this.element.hidden=!0,this.line=null}turn(by){let at=this.makers.findIndex(([name])=>name===
this.tab),next=this.makers[(at+by+this.makers.length)%this.makers.length];next&&this.open(next[0])}copy(form2){let{line:line2}=this;
if(line2){if(!isExchange(line2)){form2==="JSON"?this.put(JSON.stringify(line2),"the JSON line"):this.around.said("only a\
n exchange can be repeated, and this is a message");return}try{form2==="curl"?this.put(asCurl(line2),"a curl command"):form2===
"pytest"?this.put(asPytest(line2),"a test"):form2==="HAR"?download(`exchange-${line2.id}.har`,asHar([line2],this.around.
about.version),"application/json"):this.put(JSON.stringify(line2),"the JSON line")}catch(error){if(!(error instanceof NotRepeatable))
throw error;this.around.said(`this exchange cannot be repeated: ${error.message}`)}}}put(text,what){let masked=text.includes(
"***")&&!this.around.about.showsSecrets?"; secrets in it are masked, --show-secrets shows them":"",copied=()=>this.around.
said(`copied ${what}${masked}`);navigator.clipboard?navigator.clipboard.writeText(text).then(copied,()=>this.byHand(text,
what)):this.byHand(text,what)}byHand(text,what){let area=h("textarea",{rows:"12",readonly:!0,"aria-label":what});area.value=
text;let dialog=h("dialog",{},h("p",{},`Copy ${what} from here:`),area,button("close","close",()=>dialog.close()));dialog.
addEventListener("close",()=>dialog.remove()),document.body.append(dialog),dialog.showModal(),area.select()}open(name){this.
tab=name;for(let tab of this.tabs.children){let isThis=tab.getAttribute("data-tab")===name;tab.classList.toggle("on",isThis),
tab.setAttribute("aria-selected",String(isThis))}let make=this.makers.find(([each])=>each===name)?.[1],{line:line2}=this;
Promise.resolve(make?.()).then(made=>{made&&this.line===line2&&this.tab===name&&this.place.replaceChildren(made)}),this.
place.scrollTop=0,this.around.moved()}ofExchange(exchange,row){let made=[["overview",()=>this.overview(exchange,row)]],{
request:request2,response,grpc}=exchange;request2&&made.push(["request",()=>this.half(exchange,request2,"request")]),response&&
made.push(["response",()=>this.half(exchange,response,"response")]),grpc&&made.push(["calls",()=>h("div",{},this.side("f\
rom the client",grpc.request),this.side("from the server",grpc.response))]);let messages=this.around.messagesOf(row);return messages.
length&&made.push([`messages (${messages.length})`,()=>this.messages(messages)]),made.push(["timing",()=>this.timing(exchange)],
["JSON",()=>long(JSON.stringify(exchange,null,1))]),made}ofMessage(message){return[["overview",()=>h("div",{},this.messageTable(
message),this.content(message,"","",null),...this.ends(message))],["JSON",()=>long(JSON.stringify(message,null,1))]]}overview(exchange,row){
let{request:request2,response,grpc,tls,reset,culprit,parent}=exchange,table=h("table",{class:"fields"}),add=(name,value,clause)=>{
value==null||value===""||table.append(h("tr",{},h("th",{},name),h("td",{},this.value(String(value),clause))))},text=value=>written2(
value,this.field("target"));if(row.time!==null&&add("began",`${new Date(row.time).toLocaleDateString("en-CA")} ${clock(row.
time)}`),request2&&(add("method",request2.method,`method == ${text(request2.method??"")}`),add("host",row.authority,`hos\
t == ${text(row.authority)}`),add("target",request2.target,`target == ${text(request2.target??"")}`)),grpc){let call=`${grpc.
service}/${grpc.method}`;add("call",call,`grpc == ${text(call)}`),grpc.status!==null&&add("gRPC status",`${grpc.status} ${grpc.
status_name??""}`,`grpc_status == ${grpc.status}`),add("gRPC message",grpc.message)}response&&add("status",`${response.status??
"none"} ${response.reason}`.trim(),response.status===null?void 0:`status == ${response.status}`),add("informational",exchange.
informational.map(({status})=>status).join(", ")),add("protocol",row.protocols.filter(name=>name!=="http").join(", "),`p\
rotocol == ${row.protocols[row.protocols.length-1]}`),add("took",duration(exchange.timing.total),exchange.timing.total===
void 0?void 0:`duration >= ${Math.round(exchange.timing.total*1e6)}us`),add("sizes",`${size2(row.requestBytes)||"\u2013"}\
 up, ${size2(row.responseBytes)||"\u2013"} down`),add("connection",`${exchange.connection}, exchange ${exchange.conn_seq}\
 on it`,`connection == ${exchange.connection}`),exchange.stream!==void 0&&add("stream",exchange.stream,`connection == ${exchange.
connection} and stream == ${exchange.stream}`),add("interface",exchange.interface,`interface == ${text(exchange.interface)}`),
exchange.pushed&&add("pushed","the server sent it without being asked","pushed"),exchange.retransmissions&&add("retransm\
issions",exchange.retransmissions,`retransmissions >= ${exchange.retransmissions}`),reset&&add("reset",`by the ${reset.by}\
: ${reset.name??reset.code}`,reset.name?`reset == ${text(reset.name)}`:void 0),tls&&add("TLS",Object.entries(tls).filter(
([,value])=>value!==null).map(([name,value])=>`${name} ${value}`).join(", ")),culprit&&add("slow because of",`${culprit.
word}: ${culprit.evidence}`,`culprit == ${text(culprit.word)}`),add("wait",waitOf(exchange)),add("TCP",tcpOf2(exchange));
for(let{bytes,from,place,reason,interface:where}of exchange.tcp?.drops??[])add("dropped",`${size2(bytes)} from the ${from}\
 at ${[place,reason&&`(${reason})`,where&&`of ${where}`].filter(Boolean).join(" ")}`);add("path",exchange.path?.map(step2=>step2.
interface).join(" > ")),parent&&add("made for",`exchange ${parent.id}, by ${parent.why}`);let problems=exchange.problems.
length?this.problems(exchange.problems):null;return h("div",{},problems,table,this.bars(exchange),...this.ends(exchange))}field(condition){
return this.around.about.language.fields.find(each=>each.condition===condition)}value(text,clause){if(!clause)return h("\
span",{},shown(text));let made=h("button",{type:"button",class:"value",title:`click: ${clause}; with Shift: not`},line(text));
return made.addEventListener("click",event=>this.around.addFilter(event.shiftKey?`not ${/ and /.test(clause)?`(${clause}\
)`:clause}`:clause)),made}problems(names){let list=h("ul",{class:"problems"});for(let name of names){let words=this.around.
about.language.problems[name]??"";list.append(h("li",{},this.value(name,`problems == ${name}`)," ",words))}return list}ends({
client,server}){return[this.end("client",client),this.end("server",server)]}end(name,end2){let table=h("table",{class:"f\
ields"}),add=(title,value,clause)=>{value!==void 0&&value!==""&&table.append(h("tr",{},h("th",{},title),h("td",{},this.value(
String(value),clause))))};return add("address",end2.ip,`${name}.ip == ${end2.ip}`),end2.port&&add("port",end2.port,`${name}\
.port == ${end2.port}`),add("process",end2.comm,end2.comm===void 0?void 0:`${name}.process == ${quoted(end2.comm)}`),add(
"number",end2.pid,`${name}.pid == ${end2.pid}`),add("program",end2.exe),add("command line",end2.cmdline?.join(" ")),add(
"user",end2.uid),add("container",end2.container,`container == ${quoted(end2.container??"")}`),add("pod",end2.pod,`pod ==\
 ${quoted(end2.pod??"")}`),h("section",{},h("h3",{},name),table)}half(exchange,half,name){let box=h("div",{}),type=field(
half.headers,"content-type"),query=name==="request"?parameters(exchange.request?.target??""):[];return query.length&&box.
append(h("h3",{},"query"),this.fields(query,"query")),box.append(h("h3",{},"header fields"),this.fields(half.headers,`${name}\
.header`)),half.headers_lost&&box.append(h("p",{class:"note"},`${count(half.headers_lost.length,"field")} are not wholly\
 known, because bytes were missed.`)),half.trailers&&box.append(h("h3",{},"trailers"),this.fields(half.trailers,"")),box.
append(h("h3",{},"content"),this.content(half.body,type,`${name}.`,exchange)),half.raw!==void 0&&box.append(h("h3",{},"t\
he head as it was sent"),long(half.raw)),box}fields(fields,name){let table=h("table",{class:"fields"});for(let[key,value]of fields){
let plain=/^[\w-]+$/.test(key)?key.toLowerCase():quoted(key),clause=name?`${name}.${name==="query"&&/^[\w-]+$/.test(key)?
key:plain} == ${quoted(value)}`:void 0;table.append(h("tr",{},h("th",{},line(key)),h("td",{},this.value(value,value.includes(
"***")?void 0:clause))))}return table}content(content,type,half,_exchange){return payload(content,type,(path2,value)=>{let parts=path2.
map(part=>typeof part=="number"?`[${part}]`:/^\w[\w-]*$/.test(part)?`.${part}`:`.${quoted(part)}`),wanted=typeof value==
"string"?quoted(value):String(value);this.around.addFilter(`${half}json${parts.join("")} == ${wanted}`)})}timing(exchange){
return h("div",{},this.bars(exchange),h("p",{class:"note"},"Times are those of the packets as they passed here. A phase \
that is not known is left out."))}bars({timing}){let{phases}=this.around.about,whole2=phases.reduce((sum,{name})=>sum+(timing[name]??
0),0)||1,before=0,table=h("table",{class:"bars"});for(let{name,words}of phases){let seconds=timing[name];if(seconds===void 0)
continue;let bar=h("i",{class:name});bar.style.marginLeft=`${(100*before/whole2).toFixed(2)}%`,bar.style.width=`${(100*seconds/
whole2).toFixed(2)}%`,before+=seconds;let value=this.value(duration(seconds),`${name} >= ${Math.round(seconds*1e6)}us`);
table.append(h("tr",{title:words},h("th",{},name),h("td",{class:"number"},value),h("td",{class:"bar"},bar),h("td",{class:"\
note"},words)))}return h("section",{},h("h3",{},"timing"),table)}side(title,side){let box=h("section",{},h("h3",{},`${title}\
: ${side.count===void 0?"messages":count(side.count,"message")}`));for(let[at,message]of side.messages.slice(0,MESSAGES_MAX).
entries()){let when=message.time===void 0?"":` after ${duration(message.time)}`,made=message.decoded===void 0?this.content(
message,"","",null):long(JSON.stringify(message.decoded,null,1));box.append(h("details",{open:at<3},h("summary",{},`mess\
age ${at+1}: ${size2(message.len??message.wire_len)}${message.compressed?", compressed":""}${when}`),made))}return box}messageTable(message){
let table=h("table",{class:"fields"}),add=(name,value,clause)=>{value==null||value===""||table.append(h("tr",{},h("th",{},
name),h("td",{},this.value(typeof value=="object"?JSON.stringify(value):String(value),clause))))};add("protocol",message.
protocol,`protocol == ${message.protocol}`),add("from",message.from,`sender == ${message.from}`),add("type",message.type,
`type == ${quoted(message.type??"")}`),add("event id",message.event_id),add("channel",message.channel),add("close",message.
close);for(let[name,value]of Object.entries(message.fields??{}))add(name,value);for(let name of["helo","mail_from","rcpt",
"reply","size","subject"])add(name,message[name]);return message.problems.length&&table.append(h("tr",{},h("th",{},"prob\
lems"),h("td",{},this.problems(message.problems)))),table}async messages(rows){let list=h("div",{class:"messages"}),start2=rows[0]?.
time??0;for(let row of rows.slice(-MESSAGES_MAX)){let line2=await this.around.lineOf(row),brief=line2?.text??(line2?.close?
`${line2.close.code??""} ${line2.close.reason??""}`:""),summary=h("summary",{class:row.sender},h("span",{class:"arrow"},
row.sender==="client"?"\u2192":"\u2190"),h("span",{class:"when"},row.time===null?"":`+${duration((row.time-start2)/1e3)}`),
h("span",{class:"kind"},shown(row.kind)),h("span",{class:"number"},size2(row.requestBytes)),h("span",{class:"brief"},line(
brief,300))),details=h("details",{},summary);details.addEventListener("toggle",()=>{line2&&details.open&&details.childElementCount===
1&&details.append(this.content(line2,"","",null),this.messageTable(line2))}),list.append(details)}return rows.length>MESSAGES_MAX&&
list.prepend(h("p",{class:"note"},`the last ${MESSAGES_MAX} of ${count(rows.length,"message")}`)),list}};function waitOf({
timing:{queued,think,accept}}){let known=[[queued,"until the server read the request"],[think,"thinking"]].filter(([seconds])=>seconds!==
void 0).map(([seconds,words])=>`${duration(seconds)} ${words}`);return known.join(", ")+(known.length&&accept!==void 0?`\
; accepted after ${duration(accept)}`:"")}function tcpOf2({tcp}){let end2=tcp?.server??tcp?.client;if(!end2)return"";let again=(tcp?.
client?.retransmitted_bytes??0)+(tcp?.server?.retransmitted_bytes??0);return[...[end2.rtt===void 0?"":`round trip ${duration(
end2.rtt)}`,end2.cwnd===void 0?"":`window ${end2.cwnd} segments`],again?`${size2(again)} sent again`:""].filter(Boolean).
join(", ")}var NoPattern=class extends Error{},DIGIT="\\p{Nd}",WORD="\\p{L}\\p{N}_",SPACE="\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200\
a\\u2028\\u2029\\u202f\\u205f\\u3000",IS_WORD=`[${WORD}]`,BOUNDARY=`(?:(?<=${IS_WORD})(?!${IS_WORD})|(?<!${IS_WORD})(?=${IS_WORD}\
))`,NO_BOUNDARY=`(?:(?<=${IS_WORD})(?=${IS_WORD})|(?<!${IS_WORD})(?!${IS_WORD}))`,END="(?![\\s\\S])",CONTROLS={a:"\\x07",
f:"\\f",n:"\\n",r:"\\r",t:"\\t",v:"\\v"},SETS={d:[DIGIT,!1],D:[DIGIT,!0],w:[WORD,!1],W:[WORD,!0],s:[SPACE,!1],S:[SPACE,!0]};
function compiled(pattern){let flags=new Set(["u"]),text=pattern,inline=/^\(\?([aiLmsux]+)\)/.exec(text);if(inline){for(let flag of inline[1])
if(flag!=="u"){if(!"ims".includes(flag))throw new NoPattern(`the flag (?${flag}) is not possible in the page`);flags.add(
flag)}text=text.slice(inline[0].length)}let isMultiline=flags.delete("m"),translated=new Translation(text,isMultiline,flags.
has("s")).made();flags.delete("s");try{return new RegExp(translated,[...flags].join(""))}catch(error){throw new NoPattern(
`it is not a regular expression: ${String(error).replace(/^.*\/: /,"")}`)}}var Translation=class{constructor(text,isMultiline,isDotAll){
this.text=text;this.isMultiline=isMultiline;this.isDotAll=isDotAll}text;isMultiline;isDotAll;at=0;out=[];made(){for(;this.
at<this.text.length;)this.one();return this.out.join("")}one(){let{text,at}=this,letter=String.fromCodePoint(text.codePointAt(
at));if(letter==="\\")return this.escape();if(letter==="[")return this.set();if(letter==="("&&text[at+1]==="?")return this.
group();if(/^[*+?}]$/.test(letter)&&text[at+1]==="+")throw new NoPattern("possessive quantifiers are not possible in the\
 page");let braces=letter==="{"?/^\{(?:(\d+)(,\d*)?|,(\d+))\}/.exec(text.slice(at)):null;if(braces){if(this.at+=braces[0].
length,text[this.at]==="+")throw new NoPattern("possessive quantifiers are not possible in the page");this.out.push(braces[3]===
void 0?braces[0]:`{0,${braces[3]}}`);return}this.at+=letter.length,letter==="^"?this.out.push(this.isMultiline?"(?<![^\\n\
])":"(?<![\\s\\S])"):letter==="$"?this.out.push(this.isMultiline?"(?![^\\n])":`(?=\\n?${END})`):letter==="."?this.out.push(
this.isDotAll?"[\\s\\S]":"[^\\n]"):this.out.push(/^[{}\]]$/.test(letter)?`\\${letter}`:letter)}group(){let rest=this.text.
slice(this.at),found=/^\(\?P<([A-Za-z_]\w*)>/.exec(rest)??/^\(\?P=([A-Za-z_]\w*)\)/.exec(rest)??/^\(\?(?:[:=!]|<[=!])/.exec(
rest);if(!found){let comment=/^\(\?#[^)]*\)/.exec(rest);if(!comment)throw new NoPattern(`${rest.slice(0,4)} is not possi\
ble in the page`);this.at+=comment[0].length;return}this.at+=found[0].length,found[0].startsWith("(?P<")?this.out.push(`\
(?<${found[1]}>`):found[0].startsWith("(?P=")?this.out.push(`\\k<${found[1]}>`):this.out.push(found[0])}escape(){let letter=this.
text[this.at+1];if(letter===void 0)throw new NoPattern("it ends with a backslash");let digits=/^[1-9][0-9]?/.exec(this.text.
slice(this.at+1));if(digits){this.at+=1+digits[0].length,this.out.push(`(?:\\${digits[0]})`);return}let places={A:"(?<![\
\\s\\S])",Z:END,b:BOUNDARY,B:NO_BOUNDARY};if(letter in places){this.at+=2,this.out.push(places[letter]);return}let set2=SETS[letter];
if(set2){this.at+=2,this.out.push(`[${set2[1]?"^":""}${set2[0]}]`);return}this.out.push(this.character(!1))}character(isInSet){
let rest=this.text.slice(this.at),code=/^\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(0[0-7]{0,2}|[1-3][0-7]{2}))/.
exec(rest);if(code){this.at+=code[0].length;let number2=code[4]===void 0?parseInt(code[1]??code[2]??code[3],16):parseInt(
code[4],8);if(number2>1114111)throw new NoPattern(`${code[0]} is no character`);return`\\u{${number2.toString(16)}}`}let letter=String.
fromCodePoint(rest.codePointAt(1)??0);if(this.at+=1+letter.length,letter in CONTROLS)return CONTROLS[letter];if(isInSet&&
letter==="b")return"\\x08";if(/^[A-Za-z0-9]$/.test(letter))throw new NoPattern(`\\${letter} is not possible in the page`);
return/^[\^$\\.*+?()[\]{}|/-]$/.test(letter)?letter==="-"&&!isInSet?"-":`\\${letter}`:letter}set(){let{text}=this,at=this.
at+1,isNegated=text[at]==="^";isNegated&&at++,this.at=at;let inside=[],negative=[],isFirst=!0;for(;;isFirst=!1){let letter=text[this.
at]===void 0?"":String.fromCodePoint(text.codePointAt(this.at));if(!letter)throw new NoPattern("a set, which begins with\
 [, has no end");if(letter==="]"&&!isFirst)break;if(letter==="\\"){let set2=SETS[text[this.at+1]??""];set2?(this.at+=2,(set2[1]?
negative:inside).push(set2[0])):inside.push(this.character(!0));continue}this.at+=letter.length,letter==="-"?inside.push(
isFirst||text[this.at]==="]"||this.followsSet()?"\\-":"-"):inside.push(/^[[\]^]$/.test(letter)?`\\${letter}`:letter)}this.
at++;let alternatives=negative.map(each=>`[^${each}]`);inside.length&&alternatives.unshift(`[${inside.join("")}]`);let made=alternatives.
length===1?alternatives[0]:`(?:${alternatives.join("|")})`;this.out.push(isNegated?`(?:(?!${made})[\\s\\S])`:made)}followsSet(){
return/\\[dDwWsS]-$/.test(this.text.slice(0,this.at))||/^\\[dDwWsS]/.test(this.text.slice(this.at))}};var FILTER_CHARS_MAX=16384,NESTING_MAX=64,OPERATORS={eq:"==",ne:"!=",lt:"<",le:"<=",gt:">",ge:">=",matches:"~"},MISTAKEN={
"=":"==","===":"==","=~":"~"},METHODS={startswith:"startswith",endswith:"endswith",contains:"contains",matches:"~"},BACKWARDS={
"==":"==","!=":"!=","<":">","<=":">=",">":"<",">=":"<="},NEEDS_QUOTES='a value with such characters needs quotes, as in \
path == "/a?b=c"',END_OF_WORD="(?![\\p{L}\\p{N}_.-])",GROUPS_MAX=500,TOKENS={or:new RegExp(`or${END_OF_WORD}|\\|\\|`,"iu\
y"),and:new RegExp(`and${END_OF_WORD}|&&`,"iuy"),not:new RegExp(`not${END_OF_WORD}|!(?![=~])`,"iuy"),in:new RegExp(`in${END_OF_WORD}`,
"iuy"),dots:/\.\./uy,operator:new RegExp(`===|[=!<>]=|[=!]~|[=<>~]|(?:eq|ne|lt|le|gt|ge|contains|matches|startswith|ends\
with)${END_OF_WORD}`,"uy"),field:/[A-Za-z_][\p{L}\p{N}_-]*(?:\.[\p{L}\p{N}_$*-]+|\.(?:"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*')|\[\s*(?:\d+|\*|"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*')\s*\])*/uy,
string:/"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*'/uy,raw:/[rR](?:"[^"]*"|'[^']*')/uy,number:/[\p{Nd}.][^\s()[\]{}"',&|=!<>~]*/uy,
word:/[^\s()[\]{}"',&|=!<>~]+/uy};function parsed(text,description){if(text.length>FILTER_CHARS_MAX)throw new Fault(`it \
has ${text.length} characters; at most ${FILTER_CHARS_MAX} are possible`);if(!text.trim())throw new Fault("it is empty; \
an example is: status >= 500");return new Parser(text,new Names(description)).whole()}var Parser=class{constructor(text,names){
this.text=text;this.names=names}text;names;at=0;groups=0;whole(){let node=this.either();if(this.at<this.text.length)throw this.
expected("an operator such as == or ~, and, or, or the end");return node}skip(){for(;/\s/.test(this.text[this.at]??"");)
this.at++}peek(kind){this.skip();let pattern=TOKENS[kind];pattern.lastIndex=this.at;let found=pattern.exec(this.text);return found?
{kind,text:found[0],start:this.at}:null}take(...kinds){for(let kind of kinds){let found=this.peek(kind);if(found)return this.
at+=found.text.length,found}return null}takeLetter(letter){return this.skip(),this.text[this.at]!==letter?!1:(this.at++,
!0)}expected(words){this.skip();let{text,at}=this,letter=text[at];if(letter===void 0)return new Fault(`it ends where ${words}\
 should come`,text.length,text.length);if(letter==='"'||letter==="'")return new Fault(`the string that begins here has n\
o closing ${letter}`,at,text.length);if(letter==="&"||letter==="|")return new Fault(`use ${letter.repeat(2)}, or ${letter===
"&"?"and":"or"}`,at,at+1);if(letter==="="&&words.includes("the end"))return new Fault(NEEDS_QUOTES,at,at+1);let found=this.
peek("word")?.text??letter;return new Fault(`expected ${words}, found ${found}`,at,at+found.length)}bounded(node){if(depth(
node)>NESTING_MAX)throw new Fault(`it is nested too deeply; at most ${NESTING_MAX} levels are possible`,0,1);return node}either(){
return this.joined("any","or",()=>this.joined("all","and",()=>this.term()))}joined(type,word2,next){let first=next(),parts=[],
add=node=>{node.type===type?parts.push(...node.parts):parts.push(node)};add(first);let isJoined=!1;for(;this.take(word2);)
isJoined=!0,add(next());return isJoined?this.bounded({type,parts}):first}term(){let isNegated=!1,count2=0;for(;this.take(
"not");)isNegated=!isNegated,count2++;let node=this.plain();return count2?node.type==="not"?isNegated?node.part:node:isNegated?
this.bounded({type:"not",part:node}):node:node}plain(){if(this.takeLetter("(")){if(++this.groups>GROUPS_MAX)throw new Fault(
"it has too many parentheses",this.at-1,this.at);let node=this.either();if(!this.takeLetter(")"))throw this.expected(")");
return this.groups--,node}let field2=this.take("field");if(field2)return this.afterField(field2);let literal2=this.take(
"string","number");if(!literal2)throw this.expected("a field, such as status");let operator=this.take("operator");if(!operator)
throw this.expected("an operator such as == or ~");let name=this.take("field");if(!name)throw this.expected("a field, su\
ch as status");let turned=BACKWARDS[operator.text];if(turned===void 0)throw this.name(name),fault(operator,`the field co\
mes before ${operator.text}`);return this.compared(name,turned,operator,literal2)}afterField(field2){let operator=this.take(
"operator");if(operator){let value=this.take("raw","string","word");if(!value)throw this.expected("a value");return this.
compared(field2,operator.text,operator,value)}if(this.take("in"))return this.within(field2,"in");let before=this.at;if(this.
take("not")){if(!this.take("in"))throw this.at=before,this.expected("an operator such as == or ~, and, or, or the end");
return this.within(field2,"not in")}return this.takeLetter("(")?this.called(field2):{type:"comparison",name:this.name(field2),
operator:"",values:[]}}called(field2){let value=this.take("raw","string","word");if(!value)throw this.expected("a value");
if(!this.takeLetter(")"))throw this.expected(")");let dot=field2.text.lastIndexOf("."),owner=dot<0?"":field2.text.slice(
0,dot),method=field2.text.slice(dot+1);if(field2.text==="has"){if(!/^[A-Za-z_]/.test(value.text))throw fault(value,"has(\
) takes a field, as in has(query.id)");return{type:"comparison",name:this.name({...value,kind:"field"}),operator:"",values:[]}}
let operator=METHODS[method.toLowerCase()];if(!owner||operator===void 0)throw fault(field2,`there is no function ${method}\
; a field has startsWith, endsWith, contains, matches`);return this.compared({kind:"field",text:owner,start:field2.start},
operator,field2,value)}name(token){return this.names.understood(token.text,token.start)}compared(field2,written3,place,token){
let name=this.name(field2);if(written3 in MISTAKEN)throw fault(place,`use ${MISTAKEN[written3]} in place of ${written3}`);
let operator=OPERATORS[written3]??written3,{kind}=name.field;if(checkKey(name,field2),!operatorsOf(kind).includes(operator))
throw fault(place,`${name.text} is ${nameOfKind(name.field)}, which ${usable(name)} compare`);if(SEARCHES.includes(operator))
return comparison(name,operator,[searched(name,operator,token)]);let wanted=ranged(name,writtenOf(token),token);if(wanted instanceof
Between){if(operator==="=="||operator==="!=")return comparison(name,operator==="=="?"in":"not in",[wanted]);throw fault(
token,`${token.text} stands for several values, which ==, != and in compare`)}if(ORDERS.includes(operator)&&kind==="any"&&
(typeof wanted=="boolean"||wanted===null))throw fault(token,`${operator} compares numbers and texts, and not ${token.text}`);
return comparison(name,operator,[wanted])}within(field2,operator){let members=this.members(),name=this.name(field2);if(checkKey(
name,field2),name.field.kind==="flag")throw fault(field2,`${name.text} is ${nameOfKind(name.field)}, which == and != com\
pare`);let values=members.map(([first,last])=>last?range(name,writtenOf(first),writtenOf(last),first):ranged(name,writtenOf(
first),first));return comparison(name,operator,values)}members(){let ends={"{":"}","(":")","[":"]"};this.skip();let end2=ends[this.
text[this.at]??""];if(end2===void 0)return[this.member()];this.at++;let found=[this.member()];for(;;){let hasComma=this.
takeLetter(",");if(this.takeLetter(end2))return found;if(!hasComma&&!this.peek("raw")&&!this.peek("string")&&!this.peek(
"word"))throw this.expected(end2);found.push(this.member())}}member(){let first=this.take("raw","string","word");if(!first)
throw this.expected("a value");if(!this.take("dots"))return[first,null];let last=this.take("raw","string","word");if(!last)
throw this.expected("a value");return[first,last]}};function comparison(name,operator,values){return{type:"comparison",name,
operator,values}}function fault(token,words){return new Fault(words,token.start,token.start+token.text.length)}function writtenOf(token){
if(token.kind==="raw")return{text:token.text.slice(2,-1),isQuoted:!0};if(token.kind!=="string")return{text:token.text,isQuoted:!1};
try{return{text:unquoted2(token.text),isQuoted:!0}}catch(error){throw error instanceof Fault?fault(token,error.message):
error}}function searched(name,operator,token){if(operator!=="~"&&operator!=="!~"){let{text:text2}=writtenOf(token);return name.
field.kind==="folded"?text2.toLowerCase():text2}let pattern=(token.kind==="raw"?token.text.slice(2,-1):token.kind==="str\
ing"?token.text.slice(1,-1):token.text).replace(/\\(["'])/g,"$1");try{compiled(pattern)}catch(error){throw error instanceof
NoPattern?fault(token,`${token.text}: ${error.message}`):error}return pattern}function valueOf(name,written3,token){try{
return read(name.field,written3)}catch(error){throw error instanceof WrongValue?fault(token,error.message):error instanceof
NoValue?fault(token,`${name.text} is compared with ${error.message}, and not with ${token.text}`):error}}function ranged(name,written3,token){
let at=written3.text.indexOf("..");if(at<0||!hasRanges(name.field.kind)||written3.isQuoted)return valueOf(name,written3,
token);let ends=[written3.text.slice(0,at),written3.text.slice(at+2)].map(text=>({text,isQuoted:!1}));return range(name,
ends[0],ends[1],token)}function range(name,first,last,token){if(!hasRanges(name.field.kind))throw fault(token,`${name.text}\
 is ${nameOfKind(name.field)}, which has no ranges`);let ends=[first,last].map(each=>valueOf(name,each,token));if(!ends.
every(end2=>typeof end2=="number"))throw fault(token,"a range goes from one number to another, as in 500..599");let[from,
to]=ends;if(from>to)throw fault(token,"the range is empty: its first value comes first");return new Between(from,to)}function checkKey(name,field2){
if(name.field.keys==="name"&&name.key===null){let example=name.field.condition==="query"?"id":"content-type";throw fault(
field2,`${name.text} needs a name, as in ${name.text}.${example}`)}}function usable(name){let words=[...operatorsOf(name.
field.kind),...name.field.kind==="flag"?[]:["in"]];return`${words.slice(0,-1).join(", ")} and ${words[words.length-1]}`}var VALUES_MAX=1e4,OF_LINE=new Set(["header","body","json"].flatMap(name=>[name,`request_${name}`,`response_${name}`]).concat(
"text")),request=get=>({row})=>row.hasRequest?get(row):null,processes=(member2,...ends)=>({row})=>ends.map(end2=>row[end2][member2]).
filter(value=>value!==void 0),phase=name=>({row})=>nanoseconds(row.timing[name]);function path(target){if(!target.startsWith(
"/")||target.includes("%"))return pathOf(target);let at=target.indexOf("?");return at<0?target:target.slice(0,at)}function hosts({
row}){if(!row.authority)return[];let lower=row.authority.toLowerCase();return lower===row.host?[lower]:[row.host,lower]}
function total({row}){let known=[row.requestBytes,row.responseBytes].filter(bytes=>bytes!==null);return known.length?known.
reduce((sum,bytes)=>sum+bytes,0):null}var CONDITIONS={method:request(row=>row.method),path:request(row=>path(row.target)),
target:request(row=>row.target),version:request(row=>row.version),host:hosts,status:({row})=>row.status,duration:phase("\
total"),connect:phase("connect"),send:phase("send"),wait:phase("wait"),receive:phase("receive"),queued:phase("queued"),max_queued:phase(
"queued"),think:phase("think"),accept:phase("accept"),size:total,request_size:({row})=>row.requestBytes,response_size:({
row})=>row.responseBytes,request:({row})=>row.hasRequest,response:({row})=>row.hasResponse,complete:({row})=>row.complete,
pushed:({row})=>row.pushed,problems:({row})=>row.problems,retransmissions:({row})=>row.retransmissions,retransmitted:({row})=>row.
tcp&&row.tcp.retransmitted,drops:({row})=>row.tcp&&row.tcp.drops,culprit:({row})=>row.culprit,protocol:({row})=>row.protocols,
grpc:({row})=>row.call?[row.call.name,row.call.service].filter(name=>name!==null):[],grpc_status:({row})=>row.call&&row.
call.status!==null?[row.call.status,row.call.statusName]:[],stream:({row})=>row.stream,reset:({row})=>row.reset?row.reset.
name??"":null,ip:({row})=>[row.client.ip,row.server.ip],client_ip:({row})=>row.client.ip,server_ip:({row})=>row.server.ip,
port:({row})=>[row.client.port,row.server.port],client_port:({row})=>row.client.port,server_port:({row})=>row.server.port,
family:({row})=>row.client.port?row.client.ip.includes(":")?6:4:null,interface:({row})=>row.interface,connection:({row})=>row.
connection,process:processes("comm","client","server"),client_process:processes("comm","client"),server_process:processes(
"comm","server"),pid:processes("pid","client","server"),client_pid:processes("pid","client"),server_pid:processes("pid",
"server"),container:processes("container","client","server"),pod:processes("pod","client","server")},OF_MESSAGE={sender:({
row})=>row.sender,type:({row})=>row.kind,text:({line:line2})=>textsOf([line2]),body:({line:line2})=>textsOf([line2]),size:({
row})=>row.requestBytes,protocol:({row})=>row.protocols,problems:({row})=>row.problems};function getOfExchange(name){let{
condition,ofMessage:ofMessage2,many}=name.field;if(ofMessage2)return()=>many?[]:null;if(condition==="query")return({row})=>row.
hasRequest?queried(row.target,name.key):[];let found=CONDITIONS[condition];if(found)return found;let[half,what]=condition.
startsWith("request_")?["request",condition.slice(8)]:condition.startsWith("response_")?["response",condition.slice(9)]:
[null,condition],halves=half?[half]:["request","response"],messages=({line:line2})=>halves.map(each=>line2[each]).filter(
each=>each!==null);if(what==="header"){let wanted=name.key?.toLowerCase();return subject=>messages(subject).flatMap(message=>message.
headers).filter(([each])=>wanted===void 0||each.toLowerCase()===wanted).map(([,value])=>value)}if(what==="body")return subject=>messages(
subject).flatMap(message=>textOf2(message.body,charsetOf(message.headers)));if(what==="json")return subject=>messages(subject).
flatMap(message=>jsonOf(message.body,name.path));throw new Error(`there is no condition ${condition}`)}function getOfMessage(name,ofConnection){
let{condition,many}=name.field;if(condition==="json")return({line:line2})=>jsonOf(line2,name.path);let own=OF_MESSAGE[condition];
if(own)return own;let get=getOfExchange(name);return ofConnection.includes(condition)?get:({opener})=>opener===null||OF_LINE.
has(condition)?many?[]:null:get({row:opener,line:null,opener:null})}function queried(target,name){return parameters(target).
filter(([each])=>name===null||each===name).map(([,value])=>value)}function textsOf(messages){return messages.flatMap(message=>textOf2(
message,"utf-8"))}function charsetOf(fields){let kind=fields.find(([name])=>name.toLowerCase()==="content-type")?.[1]??"";
return/;\s*charset\s*=\s*"?([\w.:-]+)/i.exec(kind)?.[1]?.toLowerCase()??"utf-8"}function textOf2(content,charset){if(content.
text!==void 0&&/^(utf-?8|us-ascii|ascii)$/.test(charset))return[content.text];let bytes=bytesOfContent(content);return bytes.
length?[decoded2(bytes,charset)]:[]}function decoded2(bytes,charset){let name=charset.replace(/[-_]/g,"");return["latin1",
"iso88591","l1"].includes(name)?letters(bytes,256):["ascii","usascii"].includes(name)?letters(bytes,128):decoderOf(charset).
decode(bytes)}function letters(bytes,end2){let made="";for(let byte of bytes)made+=byte<end2?String.fromCharCode(byte):"\
\uFFFD";return made}function decoderOf(charset){try{return new TextDecoder(charset,{ignoreBOM:!0})}catch{return new TextDecoder(
"utf-8",{ignoreBOM:!0})}}function jsonOf(content,path2){if(content.kept!==void 0||content.text===void 0&&content.base64===
void 0)return[];let found;try{found=[JSON.parse(content.text??new TextDecoder().decode(bytesOfContent(content)))]}catch{
return[]}for(let part of path2)found=found.flatMap(value=>step(value,part)).slice(0,VALUES_MAX);return found}function step(value,part){
if(Array.isArray(value)){if(part===EACH)return value;let at=typeof part=="number"?part:/^[0-9]{1,9}$/.test(part)?Number(
part):NaN;return at<value.length?[value[at]]:[]}return typeof value!="object"||value===null?[]:part===EACH?Object.values(
value):typeof part=="string"&&Object.hasOwn(value,part)?[value[part]]:[]}var OPPOSITES={"!=":"==","!~":"~","not in":"in"};function filterOf(text,description){let node=parsed(text,description),ofExchange2=compile(
node,comparison2=>getOfExchange(comparison2.name),comparison2=>comparison2.name.field.many),manyOfMessage=new Map(description.
messageFields.map(field2=>[field2.condition,field2])),ofMessage2=compile(node,comparison2=>getOfMessage(comparison2.name,
description.ofConnection),comparison2=>(manyOfMessage.get(comparison2.name.field.condition)??comparison2.name.field).many),
needsLine=[...comparisons(node)].some(({name})=>OF_LINE.has(name.field.condition));return{text,needsLine,matches:subject=>subject.
row.isMessage?ofMessage2(subject):ofExchange2(subject)}}function compile(node,get,many){if(node.type==="comparison")return compared(
node,get(node),many(node));if(node.type==="not"){let part=compile(node.part,get,many);return subject=>!part(subject)}let parts=node.
parts.map(part=>compile(part,get,many));return node.type==="all"?subject=>parts.every(part=>part(subject)):subject=>parts.
some(part=>part(subject))}function compared(node,get,many){if(node.operator==="")return node.name.field.kind==="flag"?subject=>get(
subject)===!0:many?subject=>get(subject).length>0:subject=>get(subject)!==null;let opposite=OPPOSITES[node.operator],test=ofValue(
node,opposite??node.operator);return opposite?many?subject=>none(get(subject),test):subject=>{let value=get(subject);return value!==
null&&!test(value)}:many?subject=>get(subject).some(test):subject=>{let value=get(subject);return value!==null&&test(value)}}
function none(values,test){return values.length>0&&!values.some(test)}function ofValue(node,operator){let{kind}=node.name.
field,wanted=node.values[0];if(operator==="in"){let tests=node.values.map(value=>value instanceof Between?between(value):
equal(kind,value));return value=>tests.some(test2=>test2(value))}if(operator==="==")return equal(kind,wanted);if(operator===
"~"){let found=compiled(wanted);return value=>typeof value=="string"&&found.test(value)}if(["<","<=",">",">="].includes(
operator))return ordered(operator,wanted);let text=wanted,fold=kind==="folded"?value=>value.toLowerCase():value=>value,test={
contains:value=>value.includes(text),startswith:value=>value.startsWith(text),endswith:value=>value.endsWith(text)}[operator];
return value=>typeof value=="string"&&test(fold(value))}function ordered(operator,wanted){let isRight=sign=>operator==="\
<"?sign<0:operator==="<="?sign<=0:operator===">"?sign>0:sign>=0;return typeof wanted=="string"?value=>typeof value=="str\
ing"&&isRight(order(value,wanted)):value=>typeof value=="number"&&isRight(value-wanted)}function order(one,other){let length=Math.
min(one.length,other.length);for(let at=0;at<length;at++)if(one.charCodeAt(at)!==other.charCodeAt(at)){let high=text=>(/[\ud800-\udfff]/.
test(text[at])?65536:0)+text.charCodeAt(at);return high(one)-high(other)}return one.length-other.length}function equal(kind,wanted){
if(kind==="address"){let network2=wanted;if(network2.isSingle)return value=>value===network2.text;let known=new Map;return value=>{
let found=known.get(value);return found===void 0&&(known.size>4096&&known.clear(),known.set(value,found=isWithin(value,network2))),
found}}return value=>value===wanted}function between({first,last}){return value=>typeof value=="number"&&first<=value&&value<=
last}var DELAY_MS=250,FilterBox=class{constructor(description,seen,apply){this.description=description;this.seen=seen;this.apply=
apply;this.input=h("input",{type:"search",id:"filter",placeholder:'filter: status >= 500 and path ~ "^/api/"',spellcheck:"\
false",autocomplete:"off",autocapitalize:"off",role:"combobox","aria-controls":"suggestions","aria-expanded":"false","ar\
ia-label":"filter"}),this.input.addEventListener("input",()=>this.changed()),this.input.addEventListener("keydown",event=>this.
key(event)),this.input.addEventListener("focus",()=>this.suggest()),this.input.addEventListener("blur",()=>setTimeout(()=>this.
hide(),150));let clear=button("\xD7","remove the filter",()=>this.set(""),"clear");this.element=h("div",{class:"filter"},
this.input,clear,this.list,this.problem)}description;seen;apply;input;element;problem=h("div",{class:"fault",role:"alert",
hidden:!0});list=h("ul",{class:"suggestions",role:"listbox",id:"suggestions",hidden:!0});found={from:0,items:[]};chosen=-1;timer=0;applied="";get text(){
return this.input.value.trim()}set(text){this.input.value=text,this.hide(),this.use()}add(clause){let{text}=this,isJoined=/\bor\b|\|\|/i.
test(text.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g,""));this.set(text?`${isJoined?`(${text})`:text} and ${clause}`:
clause)}changed(){this.suggest(),clearTimeout(this.timer),this.timer=window.setTimeout(()=>this.use(),DELAY_MS)}use(){clearTimeout(
this.timer);let{text}=this;if(this.problem.hidden=!0,this.input.removeAttribute("aria-invalid"),text!==this.applied){if(!text){
this.applied="",this.apply(null);return}try{let filter=filterOf(this.input.value,this.description);this.applied=text,this.
apply(filter)}catch(error){if(!(error instanceof Fault))throw error;this.input.setAttribute("aria-invalid","true"),this.
setFault(error)}}}setFault({message,start:start2,end:end2}){let{value}=this.input,place=start2===null?[]:[h("code",{},shown(
value.slice(Math.max(0,start2-40),start2)),h("mark",{},shown(value.slice(start2,Math.max(end2,start2+1)))||" "),shown(value.
slice(Math.max(end2,start2+1)).slice(0,40)))];this.problem.replaceChildren(`${shown(message)} `,...place),this.problem.hidden=
!this.list.hidden}key(event){let count2=this.found.items.length,isOpen=!this.list.hidden;if(event.key==="ArrowDown"&&!isOpen)
this.suggest();else if((event.key==="ArrowDown"||event.key==="ArrowUp")&&isOpen)this.choose((this.chosen+(event.key==="A\
rrowDown"?1:this.chosen<0?0:-1)+count2)%count2);else if(event.key==="Tab"&&isOpen||event.key==="Enter"&&isOpen&&this.chosen>=
0)this.accept(Math.max(0,this.chosen));else if(event.key==="Enter"){this.hide(),this.use();return}else if(event.key==="E\
scape")isOpen?this.hide():this.input.blur();else return;event.preventDefault(),event.stopPropagation()}suggest(){let{input}=this,
caret=input.selectionStart??input.value.length;if(this.found=suggestions(input.value.slice(0,caret),this.description,this.
seen),this.chosen=-1,!this.found.items.length||document.activeElement!==input)return this.hide();let items=this.found.items.
map(({text,note},at)=>h("li",{role:"option",on:{mousedown:event=>(event.preventDefault(),this.accept(at))}},h("span",{},
shown(text)),h("span",{class:"note"},note)));this.list.replaceChildren(...items),this.list.hidden=!1,this.problem.hidden=
!0,input.setAttribute("aria-expanded","true")}choose(at){this.chosen=at,[...this.list.children].forEach((item,number2)=>item.
classList.toggle("on",number2===at)),this.list.children[at]?.scrollIntoView({block:"nearest"})}accept(at){let item=this.
found.items[at];if(!item)return;let{input}=this,caret=input.selectionStart??input.value.length,isOpen=item.text.endsWith(
"."),made=`${input.value.slice(0,this.found.from)}${item.text}${isOpen?"":" "}`;input.value=made+input.value.slice(caret).
trimStart(),input.setSelectionRange(made.length,made.length),this.changed()}hide(){this.list.hidden=!0,this.problem.hidden=
!this.input.hasAttribute("aria-invalid"),this.input.setAttribute("aria-expanded","false")}};var CHUNK_LINES=1e3,OPEN_MAX=6,MESSAGES_MAX2=1e4;function linesIn(text){let lines=text.split(`
`);return lines[lines.length-1]===""&&lines.pop(),lines}var Store=class{constructor(limit){this.limit=limit}limit;rows=[];forgotten=0;chunks=[];tail={
first:0,count:0,bytes:null,lines:[]};opened=[];ends=new Ends;next=0;exchanges=new Map;messages=new Map;kept=new Map;version=0;get count(){
return this.rows.length}addChunk(bytes,text){let lines=linesIn(text),chunk={first:this.next,count:lines.length,bytes,lines:null};
return this.chunks.push(chunk),this.tail={first:this.next+lines.length,count:0,bytes:null,lines:[]},this.parsed(lines)}add(lines){
this.tail.lines.push(...lines),this.tail.count+=lines.length;let found=this.parsed(lines);if(this.tail.count>=CHUNK_LINES){
let full=this.tail;this.chunks.push(full),this.tail={first:this.next,count:0,bytes:null,lines:[]},deflated(full.lines.join(
`
`)).then(bytes=>{full.bytes=bytes,full.lines=null})}return this.rows.length>this.limit&&this.forget(),found}clear(){this.
chunks.length=0,this.opened=[],this.rows.length=0,this.tail={first:this.next,count:0,bytes:null,lines:[]},this.exchanges.
clear(),this.messages.clear(),this.version++}row(seq){let first=this.rows[0];return first&&this.rows[seq-first.seq]}get end(){
return this.next}async pin(row,isPinned){row.pinned=isPinned;let line2=isPinned?await this.line(row):null;line2?this.kept.
set(row.seq,JSON.stringify(line2)):this.kept.delete(row.seq)}exchange(id){return id===null?null:this.exchanges.get(id)??
null}messagesOf(id){return id===null?[]:this.messages.get(id)??[]}async line(row){let kept=this.kept.get(row.seq);if(kept!==
void 0)return JSON.parse(kept);let chunk=this.chunkOf(row.seq);if(!chunk)return null;let text=(await this.linesOf(chunk))[row.
seq-chunk.first];return text===void 0?null:JSON.parse(text)}async each(take){for(let chunk of[...this.chunks,this.tail].
reverse())if(!await take(chunk.first,await this.linesOf(chunk)))return}chunkOf(seq){if(seq>=this.tail.first)return seq<this.
next?this.tail:null;let low=0,high=this.chunks.length-1;for(;low<high;){let middle=low+high+1>>1;this.chunks[middle].first<=
seq?low=middle:high=middle-1}let found=this.chunks[low];return found&&found.first<=seq&&seq<found.first+found.count?found:
null}async linesOf(chunk){if(chunk.lines)return chunk.lines;let lines=linesIn(await inflated(chunk.bytes));chunk.lines=lines,
this.opened=[chunk,...this.opened.filter(each=>each!==chunk)];for(let old of this.opened.splice(OPEN_MAX))old.lines=null;
return lines}parsed(lines){return lines.map(text=>{let line2=JSON.parse(text),row=rowOf(line2,this.next++,this.ends);if(this.
rows.push(row),isExchange(line2))this.exchanges.set(line2.id,row);else if(line2.exchange!==null){let known=this.messages.
get(line2.exchange);known?known.length<MESSAGES_MAX2&&known.push(row):this.messages.set(line2.exchange,[row])}return line2})}forget(){
let old=this.chunks.shift();if(!old)return;let end2=old.first+old.count,at=0;for(;at<this.rows.length&&this.rows[at].seq<
end2;){let row=this.rows[at];row.id!==null&&(row.isMessage?this.messages:this.exchanges).delete(row.id),at++}this.forgotten+=
at,this.rows.splice(0,at),this.version++}};var VALUES_MAX2=2e3;function compare(one,other){if(!one||!other||!isExchange(one)||!isExchange(other))return h("p",{class:"\
empty"},"Two exchanges are compared: choose one, press c, choose another, press c again.");let[first,second]=[valuesOf2(
one),valuesOf2(other)],names=[...new Set([...first.keys(),...second.keys()])],table=h("table",{class:"list compare"},h("\
tr",{},h("th",{},""),h("th",{},`exchange ${one.id}`),h("th",{},`exchange ${other.id}`))),same=0;for(let name of names){let[
left,right]=[first.get(name),second.get(name)],differs=left!==right;same+=differs?0:1,table.append(h("tr",{class:differs?
"differs":"same"},h("th",{},line(name,120)),h("td",{},left===void 0?"\u2013":line(left)),h("td",{},right===void 0?"\u2013":
line(right))))}let all=h("input",{type:"checkbox",id:"all"});all.addEventListener("change",()=>table.classList.toggle("a\
ll",all.checked));let note=same===names.length?"Nothing differs.":`${names.length-same} of ${names.length} values differ\
.`;return h("div",{class:"sheet"},h("p",{class:"note"},note," ",all,h("label",{for:"all"}," show what is equal too")),table)}
function valuesOf2(exchange){let{request:request2,response,timing}=exchange,made=new Map,add=(name,value)=>{value!=null&&
value!==""&&made.set(name,String(value))};add("method",request2?.method),add("target",request2?.target),add("status",response?.
status),add("problems",exchange.problems.join(", ")),add("client",`${exchange.client.comm??""} ${exchange.client.ip}`.trim()),
add("server",`${exchange.server.comm??""} ${exchange.server.ip}:${exchange.server.port}`.trim());for(let name of["connec\
t","send","wait","receive","total"])add(name==="total"?"took":name,duration(timing[name]));add("request size",request2?size2(
request2.body.wire_len):null),add("response size",response?size2(response.body.wire_len):null);for(let[name,half]of[["re\
quest",request2],["response",response]])half&&ofHalf(made,name,half);return made}function ofHalf(made,name,half){for(let[
key,values]of grouped(half.headers))made.set(`${name}.header.${key}`,values.join(", "));let{text,base64}=half.body;if(text===
void 0){base64!==void 0&&made.set(`${name} content`,base64);return}try{let value=JSON.parse(text);flatten(made,`${name}.\
json`,value)}catch{text&&made.set(`${name} content`,text)}}function grouped(fields){let made=new Map;for(let[name,value]of fields)
made.set(name.toLowerCase(),[...made.get(name.toLowerCase())??[],value]);return made}function flatten(made,path2,value){
if(!(made.size>=VALUES_MAX2))if(Array.isArray(value)&&value.length)value.forEach((each,at)=>flatten(made,`${path2}[${at}\
]`,each));else if(typeof value=="object"&&value!==null&&Object.keys(value).length)for(let[name,each]of Object.entries(value))
flatten(made,`${path2}.${name}`,each);else made.set(path2,JSON.stringify(value))}var CONNECTIONS_MAX=1e3;function connections(rows,addFilter){let found=new Map;for(let row of rows){let connection=found.
get(row.connection);connection||(connection={first:row,last:row,exchanges:0,messages:0,errors:0,up:0,down:0},found.set(row.
connection,connection)),connection.last=row,row.isMessage?connection.messages++:connection.exchanges++,connection.errors+=
isError(row)?1:0;let isUp=!row.isMessage||row.sender==="client";connection.up+=isUp?row.requestBytes??0:0,connection.down+=
isUp?row.responseBytes??0:row.requestBytes??0}if(!found.size)return h("p",{class:"empty"},"No connections.");let table=h(
"table",{class:"list"},h("tr",{},...["connection","client","server","protocol","exchanges","errors","up","down","first",
"lasted"].map(name=>h("th",{},name))));for(let[number2,connection]of[...found].reverse().slice(0,CONNECTIONS_MAX)){let{first,
last,errors}=connection,button2=h("button",{type:"button",class:"value",title:"click: filter by this connection"},String(
number2));button2.addEventListener("click",()=>addFilter(`connection == ${number2}`));let lasted=first.time===null||last.
time===null?"":duration((last.time-first.time)/1e3+(last.timing.total??0)),counted=connection.messages?`${connection.exchanges}\
 + ${count(connection.messages,"message")}`:String(connection.exchanges),protocols=[...first.protocols.filter(name=>name!==
"http"),...first.isSecure?["TLS"]:[]].join(", "),cells=[end(first.client),end(first.server),protocols,counted,errors?String(
errors):"",size2(connection.up),size2(connection.down),clock(first.time),lasted];table.append(h("tr",{},h("td",{},button2),
...cells.map((cell,at)=>h("td",{class:at<3?"":at===4&&errors?"number bad":"number"},cell))))}let more=found.size>CONNECTIONS_MAX?
h("p",{class:"note"},`the last ${CONNECTIONS_MAX} of ${count(found.size,"connection")}`):null;return h("div",{class:"she\
et"},more,table)}function end({ip,port,comm,pid}){let process=comm===void 0?"":`  ${comm}[${pid}]`;return line(`${ip.includes(
":")?`[${ip}]`:ip}:${port}${process}`)}var KEYS=[["/","write a filter"],["j k \u2193 \u2191","next and previous exchange"],["g G Home End","first and last exch\
ange; the last one is followed"],["Enter","open the details"],["[ ]","previous and next tab of the details"],["Esc","clo\
se the details"],["e E","next and previous exchange with an error or a problem"],["Space","pause, and go on"],["x","clea\
r what is shown"],["p","pin: a pinned exchange stays when others are cleared or forgotten"],["c","compare: once on each \
of two exchanges"],["y","copy as a curl command"],["m","show messages of streams as rows too"],["1 2 3 4","exchanges, co\
nnections, statistics, map"],["t","light or dark"],["?","this help"]],FILTERS=[["status >= 500","errors of servers"],["s\
tatus == 4xx or duration > 1s","classes, ranges, times and sizes"],['path ~ "^/api/" and method != GET',"a regular expre\
ssion"],["response.header.content-type contains json","a header field"],['json.user.name == "ann"',"a value in the JSON \
of a body"],["ip == 10.0.0.0/8 and not problems","a network; no problems"],["process == nginx","the name of a process at\
 either end"]];function help(use){let dialog=h("dialog",{class:"help"}),keys=h("table",{class:"fields"});for(let[key,what]of KEYS)
keys.append(h("tr",{},h("th",{},h("kbd",{},key)),h("td",{},what)));let filters=h("table",{class:"fields"});for(let[filter,
what]of FILTERS){let made=h("button",{type:"button",class:"value"},filter);made.addEventListener("click",()=>(dialog.close(),
use(filter))),filters.append(h("tr",{},h("td",{},made),h("td",{},what)))}return dialog.append(button("\xD7","close (Esc)",
()=>dialog.close(),"close"),h("h2",{},"keys"),keys,h("h2",{},"filters"),filters,h("p",{class:"note"},"Click a value in t\
he details to filter by it; with Shift, to leave it out.")),dialog.addEventListener("close",()=>dialog.remove()),dialog}var PLACES_MAX=60,WIDTH=190,HEIGHT=44,GAP=34,TOP=54,COLUMN=330;function map(rows,addFilter){let places=new Map,arrows=new Map;
for(let row of rows){let from=placeOf2(places,row.client,!1,row),to=placeOf2(places,row.server,!0,row),key=`${from}
${to}`,arrow=arrows.get(key)??{from,to,exchanges:0,errors:0,bytes:0};arrows.set(key,arrow),arrow.exchanges+=row.isMessage?
0:1,arrow.errors+=isError(row)?1:0,arrow.bytes+=(row.requestBytes??0)+(row.responseBytes??0),places.get(from).weight++,places.
get(to).weight++}if(!places.size)return h("p",{class:"empty"},"Nobody talks to anybody.");let shown2=new Map([...places].
sort(([,one],[,other])=>other.weight-one.weight).slice(0,PLACES_MAX)),drawn=[...arrows.values()].filter(({from,to})=>shown2.
has(from)&&shown2.has(to));arrange(shown2,drawn);let left=places.size-shown2.size;return h("div",{class:"map"},left?h("p",
{class:"note"},`the busiest ${PLACES_MAX}; ${count(left,"more")} left out: narrow them with a filter`):null,picture(shown2,
drawn,addFilter))}function placeOf2(places,end2,isServer,row){let address=isServer&&end2.comm===void 0?`${end2.ip}:${end2.
port}`:end2.ip,key=end2.comm===void 0?address:`${end2.comm}
${end2.container??""}`;if(!places.has(key)){let side=isServer?"server":"client",clause=end2.comm===void 0?isServer?`serv\
er.ip == ${end2.ip} and server.port == ${end2.port}`:`ip == ${end2.ip}`:`process == ${quoted(end2.comm)}`,host=isServer&&
row.host&&row.host!==end2.ip?row.host:"";places.set(key,{name:end2.comm??address,note:end2.comm===void 0?host||side:end2.
container?`container ${end2.container.slice(0,12)}`:address,clause,weight:0,column:0,row:0})}return key}function arrange(places,arrows){
for(let round=0;round<Math.min(places.size,8);round++)for(let{from,to}of arrows){let[one,other]=[places.get(from),places.
get(to)],isBack=arrows.some(back=>back.from===to&&back.to===from&&back.exchanges>0);from!==to&&!isBack&&(other.column=Math.
max(other.column,Math.min(one.column+1,6)))}let filled=[];for(let place of places.values())place.row=filled[place.column]??
0,filled[place.column]=place.row+1}function picture(places,arrows,addFilter){let columns=Math.max(...[...places.values()].
map(({column})=>column))+1,most=Math.max(...[...places.values()].map(({row})=>row))+1,width=(columns-1)*COLUMN+WIDTH+80,
height=most*(HEIGHT+GAP)+TOP+20,root=svg("svg",{width,height,viewBox:`0 0 ${width} ${height}`,role:"img"}),x=place=>20+place.
column*COLUMN,y=place=>TOP+place.row*(HEIGHT+GAP),busiest=Math.max(1,...arrows.map(({exchanges})=>exchanges));for(let arrow of arrows){
let[from,to]=[places.get(arrow.from),places.get(arrow.to)],[left,right]=[x(from)+WIDTH,to.column>from.column?x(to):x(to)+
WIDTH],[start2,end2]=[y(from)+HEIGHT/2,y(to)+HEIGHT/2],bend=to.column>from.column?(right-left)/2:60,isLoop=from===to,[edge,
over]=[x(from)+WIDTH,y(from)],loop=`M ${edge-60} ${over} C ${edge-60} ${over-34}, ${edge-16} ${over-34}, ${edge-16} ${over}`,
path2=isLoop?loop:`M ${left} ${start2} C ${left+bend} ${start2}, ${to.column>from.column?right-bend:right+bend} ${end2},\
 ${right} ${end2}`,words=`${count(arrow.exchanges,"exchange")}, ${size2(arrow.bytes)}${arrow.errors?`, ${count(arrow.errors,
"error")}`:""}`,line2=svg("path",{d:path2,class:`arrow${arrow.errors>arrow.exchanges/20?" bad":""}`,"stroke-width":(1+7*
Math.log1p(arrow.exchanges)/Math.log1p(busiest)).toFixed(1)},svg("title",{},words));line2.addEventListener("click",()=>addFilter(
joined(from.clause,to.clause)));let place=isLoop?{x:edge-38,y:over-30}:{x:(left+right)/2+(bend===60?50:0),y:(start2+end2)/
2-8},label=svg("text",{...place,class:"label"},arrow.exchanges.toLocaleString("en"));root.append(line2,label)}for(let place of places.
values()){let box=svg("g",{class:"place",tabindex:0,role:"button"},svg("rect",{x:x(place),y:y(place),width:WIDTH,height:HEIGHT,
rx:6}),svg("text",{x:x(place)+12,y:y(place)+19,class:"name"},line(place.name,22)),svg("text",{x:x(place)+12,y:y(place)+35,
class:"side"},line(place.note,26)),svg("title",{},line(`${place.name} ${place.note}`)));box.addEventListener("click",()=>addFilter(
place.clause)),root.append(box)}return root}function joined(one,other){return one===other?one:`${one} and ${other}`}var UUID="[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",NUMBER2="[+-]?\\d+(?:\\.\\d+)?",HASH="\
(?=[0-9a-fA-F]*\\d)[0-9a-fA-F]{7,128}",TOKEN="(?=[\\w~-]*\\d)(?=[\\w~-]*[A-Z])[\\w~-]{16,256}",SEGMENT=new RegExp(`(?<=/\
)(?:(${UUID})|(${NUMBER2})|(${HASH}|${TOKEN}))(?=[/:]|$)`,"g"),PATH_MAX=512;function routeOf(row){if(row.call?.name)return row.
call.name;if(!row.hasRequest)return"(not seen)";let{authority,path:path2}=split(row.target);return`${row.method} ${(path2||
authority||"/").slice(0,PATH_MAX).replace(SEGMENT,(_,uuid,number2)=>uuid?"{uuid}":number2?"{id}":"{hash}")}`}var BUCKETS=60,ROUTES_MAX=200,CLASSES=["1","2","3","4","5","?"];function statistics(rows,addFilter){let exchanges=rows.filter(
row=>!row.isMessage);if(!exchanges.length)return h("p",{class:"empty"},"No exchanges to count.");let durations=exchanges.
flatMap(({timing})=>timing.total===void 0?[]:[timing.total]).sort((one,other)=>one-other),errors=exchanges.filter(isError).
length,bytes=exchanges.reduce((sum,row)=>sum+(row.requestBytes??0)+(row.responseBytes??0),0),times=exchanges.flatMap(({time:time2})=>time2===
null?[]:[time2]),[start2,end2]=times.reduce(([low,high],time2)=>[Math.min(low,time2),Math.max(high,time2)],[1/0,-1/0]),seconds=(end2-
start2)/1e3,numbers=h("dl",{class:"numbers"},...number("exchanges",exchanges.length.toLocaleString("en")),...number("wit\
h an error or a problem",`${errors.toLocaleString("en")} (${percent(errors,exchanges.length)})`),...number("a second",seconds>
0?(exchanges.length/seconds).toFixed(1):"\u2013"),...number("content",size2(bytes)),...number("half took less than",duration(
quantile(durations,.5))||"\u2013"),...number("95 % took less than",duration(quantile(durations,.95))||"\u2013"),...number(
"99 % took less than",duration(quantile(durations,.99))||"\u2013"));return h("div",{class:"statistics"},numbers,h("secti\
on",{},h("h3",{},"over time, by status"),overTime(exchanges,start2,end2),legend(exchanges,addFilter)),h("section",{},h("\
h3",{},"how long they took"),histogram(durations)),h("section",{class:"wide"},h("h3",{},"by route"),byRoute(exchanges,addFilter)))}
function number(name,value){return[h("div",{},h("dt",{},name),h("dd",{},value))]}function percent(part,whole2){return whole2?
`${(100*part/whole2).toFixed(part&&part/whole2<.01?2:1)} %`:"\u2013"}function quantile(sorted,share){return sorted[Math.
min(sorted.length-1,Math.floor(share*sorted.length))]}function classOf(row){let at=Math.floor((row.status??0)/100)-1;return at>=
0&&at<5?at:5}function overTime(rows,start2,end2){if(!(end2>start2))return h("p",{class:"note"},"They began at one time, \
or it is not known when.");let counts=Array.from({length:BUCKETS},()=>CLASSES.map(()=>0));for(let row of rows){if(row.time===
null)continue;let bucket=counts[Math.min(BUCKETS-1,Math.floor((row.time-start2)/(end2-start2)*BUCKETS))];bucket[classOf(
row)]++}let most=Math.max(...counts.map(bucket=>bucket.reduce((sum,each)=>sum+each,0))),chart=svg("svg",{class:"chart",viewBox:`\
0 0 ${BUCKETS*10} 100`,preserveAspectRatio:"none",role:"img"});counts.forEach((bucket,at)=>{let top=100;bucket.forEach((each,kind)=>{
let height=95*each/most;top-=height,each&&chart.append(svg("rect",{x:at*10+1,y:top,width:8,height,class:`c${CLASSES[kind]}`}))})});
let step2=duration((end2-start2)/1e3/BUCKETS);return h("figure",{},chart,h("figcaption",{class:"note"},h("span",{},clock(
start2)),h("span",{},`at most ${most.toLocaleString("en")} in ${step2}`),h("span",{},clock(end2))))}function legend(rows,addFilter){
let counts=CLASSES.map(()=>0);for(let row of rows)counts[classOf(row)]++;let names=CLASSES.map(name=>name==="?"?"no resp\
onse":`${name}xx`),items=counts.flatMap((each,at)=>{if(!each)return[];let item=h("button",{type:"button",class:"value"},
h("i",{class:`c${CLASSES[at]}`}),`${names[at]}: ${each.toLocaleString("en")} (${percent(each,rows.length)})`);return item.
addEventListener("click",()=>addFilter(at===5?"not response":`status == ${names[at]}`)),[item]});return h("div",{class:"\
legend"},...items)}function histogram(durations){if(!durations.length)return h("p",{class:"note"},"No duration is known.");
let low=Math.floor(Math.log10(Math.max(1e-6,durations[0]))*4),high=Math.floor(Math.log10(Math.max(1e-6,durations[durations.
length-1]))*4),counts=Array.from({length:high-low+1},()=>0);for(let each of durations)counts[Math.floor(Math.log10(Math.
max(1e-6,each))*4)-low]++;let most=Math.max(...counts),chart=svg("svg",{class:"chart",viewBox:`0 0 ${counts.length*10} 1\
00`,preserveAspectRatio:"none",role:"img"});counts.forEach((each,at)=>{let height=95*each/most,title=svg("title",{},`${duration(
10**((low+at)/4))} to ${duration(10**((low+at+1)/4))}: ${count(each,"exchange")}`);chart.append(svg("rect",{x:at*10+1,y:100-
height,width:8,height,class:"c2"},title))});let ends=[low,(low+high+1)/2,high+1].map(at=>h("span",{},duration(10**(at/4))));
return h("figure",{},chart,h("figcaption",{class:"note"},...ends))}function byRoute(rows,addFilter){let groups=new Map;for(let row of rows){
let route=routeOf(row),group=groups.get(route);group?group.push(row):groups.set(route,[row])}let most=Math.max(...[...groups.
values()].map(group=>group.length)),table=h("table",{class:"list"},h("tr",{},...["route","exchanges","","errors","half",
"95 %","content"].map(name=>h("th",{},name)))),sorted=[...groups].sort(([,one],[,other])=>other.length-one.length);for(let[
route,group]of sorted.slice(0,ROUTES_MAX)){let durations=group.flatMap(({timing})=>timing.total===void 0?[]:[timing.total]).
sort((one,other)=>one-other),errors=group.filter(isError).length,bar=h("i",{class:"share"});bar.style.width=`${100*group.
length/most}%`;let name=h("button",{type:"button",class:"value",title:"click: filter by this route"},line(route,200));name.
addEventListener("click",()=>addFilter(clauseOf(route,group[0])));let cells=[group.length.toLocaleString("en"),bar,errors?
errors.toLocaleString("en"):"",duration(quantile(durations,.5)),duration(quantile(durations,.95)),size2(group.reduce((sum,row)=>sum+
(row.responseBytes??0),0))];table.append(h("tr",{},h("td",{},name),...cells.map((cell,at)=>h("td",{class:at===1?"bar":at===
2&&errors?"number bad":"number"},cell))))}return sorted.length>ROUTES_MAX&&table.append(h("tr",{},h("td",{class:"note"},
`and ${count(sorted.length-ROUTES_MAX,"more route")}`))),table}function clauseOf(route,row){if(row.call?.name)return`grp\
c == ${JSON.stringify(row.call.name)}`;if(!row.hasRequest)return"not request";let path2=route.slice(route.indexOf(" ")+1).
replace(/[\\^$.*+?()[\]|]/g,"\\$&").replace(/\{(uuid|id|hash)\}/g,"[^/]+");return`method == "${row.method}" and path ~ ${JSON.
stringify(`^${path2}$`).replaceAll("\\\\","\\")}`}var VIEWS=["exchanges","connections","statistics","map","compare"],VIEW_MS=1e3,SEEN_ROWS=2e3,HAR_MAX=1e4,App=class{constructor(about){
this.about=about;this.store=new Store(about.linesMax),this.table=new Table(row=>this.select(row),()=>this.order()),this.
filterBox=new FilterBox(about.language,field2=>this.seen(field2),filter=>this.use(filter)),this.details=new Details({about,
addFilter:clause=>this.filterBox.add(clause),messagesOf:row=>this.store.messagesOf(row.id),lineOf:row=>this.store.line(row),
said:words=>this.said(words),moved:()=>this.address()},()=>this.select(null)),this.pauseButton=button("pause","pause, an\
d go on (Space)",()=>this.pause()),document.body.append(this.header(),h("div",{class:"panes"},this.table.element,this.sheet,
this.details.element),h("footer",{},this.counts,this.notice,this.toast)),document.addEventListener("keydown",event=>this.
key(event)),window.addEventListener("hashchange",()=>this.follow()),this.follow()}about;store;table;filterBox;details;counts=h(
"span",{class:"counts",role:"status"});notice=h("span",{class:"notice"});toast=h("span",{class:"toast",role:"alert"});sheet=h(
"main",{class:"view",hidden:!0});pauseButton;tabs=new Map;filter=null;rows=[];pinned=[];compared=[null,null];view="excha\
nges";isPaused=!1;late=0;run=0;isFiltering=!1;showsMessages=!1;version=0;drawnAt=0;drawnRows=0;drawTimer=0;wanted=null;header(){
let{about}=this,views=h("nav",{"aria-label":"views"});VIEWS.forEach((name,at)=>{let tab=button(name,at<4?`${name} (${at+
1})`:"two exchanges beside each other (c)",()=>this.open(name));this.tabs.set(name,tab),views.append(tab)});let filters=about.
filters.length?`, only ${about.filters.join(" and ")}`:"";return h("header",{class:"top"},h("strong",{title:`sockfilter ${about.
version}`},"sockfilter"),h("span",{class:"source",title:shown(about.source+filters)},shown(about.source+filters)),this.filterBox.
element,views,h("span",{class:"actions"},about.isFile?null:this.pauseButton,button("clear","clear what is shown, except \
for what is pinned (x)",()=>this.clear()),button("HAR","save what is shown as an HTTP archive",()=>{this.saveHar()}),button(
"\u25D0","light or dark (t)",()=>this.turnTheme()),button("?","keys, and examples of filters (?)",()=>this.help())))}take(lines){
let start2=this.store.end-lines.length;this.store.version!==this.version&&this.dropForgotten(),lines.forEach((line2,at)=>{
let row=this.store.row(start2+at);!row||this.wanted!==null&&row.id===this.wanted&&!row.isMessage&&this.found(row)||(this.
isPaused?this.late++:this.isListed(row)&&this.matches(row,line2)&&this.rows.push(row))}),this.update()}found(row){return this.
wanted=null,setTimeout(()=>this.select(row)),!1}matches(row,line2){return this.filter===null||this.filter.matches({row,line:line2,
opener:row.isMessage?this.store.exchange(row.id):null})}isListed(row){return!row.isMessage||this.showsMessages||row.id===
null||this.store.exchange(row.id)===null}dropForgotten(){this.version=this.store.version;let first=this.store.rows[0]?.seq??
this.store.end,before=this.rows.length;this.rows=this.rows.filter(row=>row.seq>=first||row.pinned),this.table.dropped(before-
this.rows.length)}use(filter){this.filter=filter,this.table.follows=!this.about.isFile&&this.table.follows,this.refilter(),
this.address()}async refilter(){let run=++this.run,{filter,store}=this,listed=[...this.pinned.filter(row=>!store.row(row.
seq)),...store.rows.filter(row=>this.isListed(row))];if(this.isFiltering=!1,!filter?.needsLine){this.rows=listed.filter(
row=>this.matches(row,null)),this.update();return}let end2=store.end,scanned=[],fresh=this.rows=[],drawn=performance.now();
this.isFiltering=!0,await store.each(async(first,lines)=>{if(run!==this.run)return!1;let found=[];if(lines.forEach((text,at)=>{
let row=first+at<end2?store.row(first+at):void 0;row&&this.isListed(row)&&this.matches(row,JSON.parse(text))&&found.push(
row)}),scanned.push(found),performance.now()-drawn>100){if(await new Promise(resolve=>setTimeout(resolve)),run!==this.run)
return!1;this.table.show(this.table.order([...[...scanned].reverse().flat(),...fresh]),""),drawn=performance.now()}return!0}),
run===this.run&&(this.isFiltering=!1,this.rows=[...scanned.reverse().flat(),...this.rows],this.update())}update(){this.isFiltering||
this.table.show(this.table.sort?this.order(!0):this.rows,this.emptyWords());let{store}=this,words=[count(store.count,"li\
ne")];(this.filter||this.rows.length!==store.count)&&words.push(`${this.rows.length.toLocaleString("en")} shown`),store.
forgotten&&words.push(`${store.forgotten.toLocaleString("en")} older ones forgotten: at most ${this.about.linesMax.toLocaleString(
"en")} are kept`),this.isPaused&&words.push(`paused, ${this.late.toLocaleString("en")} more have come`),this.counts.textContent=
words.join(" \xB7 "),this.view!=="exchanges"&&this.drawLater()}emptyWords(){return this.rows.length?"":this.filter?"Noth\
ing that was captured meets the filter.":this.about.isFile?"The capture has no exchanges.":"Waiting for the first exchan\
ge."}order(isQuiet=!1){let rows=this.table.order(this.rows);return isQuiet||this.table.show(rows,this.emptyWords()),rows}drawLater(){
this.drawTimer||(this.drawTimer=window.setTimeout(()=>{this.drawTimer=0,this.draw()},this.drawnRows?Math.max(0,this.drawnAt+
VIEW_MS-performance.now()):0))}draw(){this.drawnAt=performance.now(),this.drawnRows=this.rows.length;let add=clause=>{this.
filterBox.add(clause),this.said(`filter: ${this.filterBox.text}`)},{rows}=this;this.view==="connections"?this.sheet.replaceChildren(
connections(rows,add)):this.view==="statistics"?this.sheet.replaceChildren(statistics(rows,add)):this.view==="map"?this.
sheet.replaceChildren(map(rows,add)):this.view==="compare"&&this.drawComparison()}async drawComparison(){let[one,other]=this.
compared,lines=await Promise.all([one,other].map(row=>row?this.store.line(row):null));this.sheet.replaceChildren(compare(
lines[0]??null,lines[1]??null))}open(view){this.view=view,this.table.element.hidden=view!=="exchanges",this.sheet.hidden=
view==="exchanges";for(let[name,tab]of this.tabs)tab.classList.toggle("on",name===view);view==="exchanges"?this.table.render():
this.draw(),this.address()}select(row){this.table.selected=row,row?(this.details.show(row),this.table.scrollTo(row)):(this.
details.hide(),this.view==="exchanges"&&document.activeElement!==this.filterBox.input&&this.table.focus()),this.table.render(),
this.address()}move(by,isWanted=()=>!0){let{rows,selected}=this.table,at=selected?rows.indexOf(selected):by>0?-1:rows.length;
do at+=by;while(rows[at]&&!isWanted(rows[at]));let row=rows[at];row?(this.table.follows=!1,this.select(row)):!selected&&
rows.length&&this.said("there is none")}pause(){this.isPaused=!this.isPaused,this.pauseButton.textContent=this.isPaused?
"go on":"pause",this.pauseButton.classList.toggle("on",this.isPaused),this.late=0,this.isPaused?this.update():this.refilter()}clear(){
this.store.clear(),this.version=this.store.version,this.refilter()}pin(){let row=this.table.selected;if(!row)return this.
said("choose an exchange first");this.store.pin(row,!row.pinned).then(()=>{this.pinned=row.pinned?[...this.pinned,row]:this.
pinned.filter(each=>each!==row),this.said(row.pinned?"pinned":"no longer pinned"),this.table.render()})}compareNext(){let row=this.
table.selected;if(!row||row.isMessage)return this.said("choose an exchange first");let[one,other]=this.compared;one===null||
other!==null?(this.compared=[row,null],this.said("now choose another exchange, and press c again")):(this.compared=[one,
row],this.said(""),this.open("compare"))}async saveHar(){let rows=this.rows.filter(row=>!row.isMessage).slice(-HAR_MAX),
lines=[];for(let row of rows){let line2=await this.store.line(row);line2&&isExchange(line2)&&lines.push(line2)}download(
"sockfilter.har",asHar(lines,this.about.version),"application/json"),this.said(`saved ${count(lines.length,"exchange")}${this.
rows.length>HAR_MAX?`, the last ${HAR_MAX}`:""}`)}turnTheme(){let root=document.documentElement,isDark=root.dataset.theme?
root.dataset.theme==="dark":matchMedia("(prefers-color-scheme: dark)").matches;root.dataset.theme=isDark?"light":"dark"}help(){
let dialog=help(filter=>this.filterBox.set(filter));document.body.append(dialog),dialog.showModal()}said(words){this.toast.
textContent=shown(words),this.toast.classList.remove("fades"),this.toast.offsetWidth,this.toast.classList.add("fades")}notify(words){
this.notice.textContent=shown(words)}seen(field2){if(field2.keys||OF_LINE.has(field2.condition)||["target","duration"].includes(
field2.condition))return[];let get=getOfExchange({field:field2,key:null,path:[],text:field2.name}),counts=new Map;for(let row of this.
store.rows.slice(-SEEN_ROWS)){if(row.isMessage)continue;let value=get({row,line:null,opener:null});for(let each of Array.
isArray(value)?value:[value])(typeof each=="string"||typeof each=="number")&&counts.set(each,(counts.get(each)??0)+1)}return[
...counts].sort(([,one],[,other])=>other-one).map(([value])=>value)}address(){let words=new URLSearchParams;this.filterBox.
text&&words.set("filter",this.filterBox.text),this.view!=="exchanges"&&words.set("view",this.view);let{selected}=this.table;
selected&&selected.id!==null&&!selected.isMessage?(words.set("exchange",String(selected.id)),words.set("tab",this.details.
tab)):this.wanted!==null&&words.set("exchange",String(this.wanted));let hash=String(words);`#${hash}`!==location.hash&&history.
replaceState(null,"",hash?`#${hash}`:location.pathname+location.search)}follow(){let words=new URLSearchParams(location.
hash.slice(1)),id=Number(words.get("exchange")??NaN),row=this.store.exchange(id);this.details.tab=words.get("tab")??this.
details.tab,this.wanted=Number.isInteger(id)&&!row?id:null,this.filterBox.set(words.get("filter")??"");let view=words.get(
"view");this.open(view&&VIEWS.includes(view)?view:"exchanges"),row&&this.select(row)}key(event){let target=event.target;
if(event.ctrlKey||event.metaKey||event.altKey||target.matches("input, textarea, dialog *"))return;let keys={"/":()=>this.
filterBox.input.focus(),j:()=>this.move(1),k:()=>this.move(-1),ArrowDown:()=>this.move(1),ArrowUp:()=>this.move(-1),g:()=>this.
edge(0),Home:()=>this.edge(0),G:()=>this.edge(-1),End:()=>this.edge(-1),Enter:()=>this.table.selected&&this.select(this.
table.selected),Escape:()=>this.select(null),"]":()=>this.details.turn(1),"[":()=>this.details.turn(-1),e:()=>this.move(
1,isError),E:()=>this.move(-1,isError)," ":()=>this.about.isFile||this.pause(),x:()=>this.clear(),p:()=>this.pin(),c:()=>this.
compareNext(),y:()=>this.details.copy("curl"),m:()=>this.turnMessages(),t:()=>this.turnTheme(),"?":()=>this.help(),...Object.
fromEntries(VIEWS.slice(0,4).map((view,at)=>[String(at+1),()=>this.open(view)]))},isButton=target.matches("button, summa\
ry, [role=button]")&&[" ","Enter"].includes(event.key),act=keys[event.key];!act||isButton||(event.preventDefault(),act())}edge(at){
let row=this.table.rows.at(at);row&&(this.select(row),this.table.follows=at===-1&&!this.about.isFile)}turnMessages(){this.
showsMessages=!this.showsMessages,this.said(this.showsMessages?"messages of streams have rows of their own":"messages of\
 streams are among the details of their exchanges"),this.refilter()}};function frozen(){let about=document.getElementById("about");if(!about)return null;let elements=[...document.querySelectorAll(
"script.chunk")];return{about:JSON.parse(about.textContent??""),counts:JSON.parse(document.getElementById("counts")?.textContent??
"{}"),size:elements.length,async*chunks(){for(let element of elements){let bytes=fromBase64(element.textContent??"");element.
remove(),yield[bytes,await inflated(bytes)]}}}}var Refused=class extends Error{},Live=class{token=new URLSearchParams(location.
search).get("token")??"";async get(path2){let response=await fetch(path2,{headers:{"Sockfilter-Token":this.token},cache:"\
no-store"});if(!response.ok)throw new Refused((await response.text()).trim()||`the server answers ${response.status}`);return response}async about(){
return await(await this.get("about")).json()}async lines(from){let response=await this.get(`lines?from=${from}`),text=await response.
text(),number2=name=>Number(response.headers.get(`Sockfilter-${name}`)??0);return{lines:linesIn(text),next:number2("Next"),
skipped:number2("Skipped"),total:number2("Total"),missed:number2("Missed"),hasEnded:number2("Ended")===1}}};var RETRY_MS=2e3,HAS_ENDED="The capture has ended.";async function showReport({about,counts,chunks,size:size3}){let app=new App(
about);app.table.follows=!1,document.title=`${about.source} \u2013 sockfilter`;let read2=0;for await(let[bytes,text]of chunks())
app.take(app.store.addChunk(bytes,text)),app.notify(++read2<size3?`reading: ${Math.round(100*read2/size3)} %`:""),await new Promise(
resolve=>setTimeout(resolve));app.update(),counts.left_out&&app.notify(`${count(counts.left_out,"more line")} are not in\
 this report, which holds ${about.linesMax.toLocaleString("en")}`),document.documentElement.dataset.state="ready"}async function showLive(live){
let about=await live.about(),app=new App(about);document.title=`${about.source} \u2013 sockfilter`;let next=0,skipped=0;
for(;;)try{let batch=await live.lines(next);next=batch.next,skipped+=batch.skipped,batch.lines.length&&app.take(app.store.
add(batch.lines));let words=[];if(skipped&&words.push(`${count(skipped,"line")} were gone before this page asked for the\
m`),batch.missed&&words.push(`${count(batch.missed,"line")} were too many for the page's server`),batch.hasEnded&&next>=
batch.total&&words.push(HAS_ENDED),app.notify(words.join(" \xB7 ")),document.documentElement.dataset.state=next>=batch.total?
"ready":"reading",batch.hasEnded&&next>=batch.total)return}catch(error){app.notify(error instanceof Refused?error.message:
"sockfilter has ended, or cannot be reached. What has come stays here."),await new Promise(resolve=>setTimeout(resolve,RETRY_MS))}}
async function start(){let report=frozen();if(report)return showReport(report);try{await showLive(new Live)}catch(error){
let words=error instanceof Refused?error.message:String(error);document.body.replaceChildren(h("p",{class:"empty"},shown(
words)))}}start();})();
