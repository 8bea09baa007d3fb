// SPDX-License-Identifier: BSD-3-Clause. Built by make page from tools/page/src.
// sources: 6f076456820a2f0e9ef4ff52870d5d7cdea01a33d65ab03fbaa2890596d88a3c
"use strict";var __defProp=Object.defineProperty;var __getOwnPropDesc=Object.getOwnPropertyDescriptor;var __getOwnPropNames=Object.getOwnPropertyNames;var __hasOwnProp=Object.prototype.hasOwnProperty;var __export=(target,all)=>{for(var name in all)__defProp(target,name,{get:all[name],enumerable:!0})},__copyProps=(to,from,except,desc)=>{
if(from&&typeof from=="object"||typeof from=="function")for(let key of __getOwnPropNames(from))!__hasOwnProp.call(to,key)&&
key!==except&&__defProp(to,key,{get:()=>from[key],enumerable:!(desc=__getOwnPropDesc(from,key))||desc.enumerable});return to};var __toCommonJS=mod=>__copyProps(__defProp({},"__esModule",{value:!0}),mod);var parts_exports={};__export(parts_exports,{Ends:()=>Ends,asCurl:()=>asCurl,asHar:()=>asHar,asPytest:()=>asPytest,filterOf:()=>filterOf,
routeOf:()=>routeOf,rowOf:()=>rowOf,shown:()=>shown,suggestions:()=>suggestions});module.exports=__toCommonJS(parts_exports);var encoder=new TextEncoder;function bytesOfContent(content){return content.text!==void 0?encoder.encode(content.text):content.
base64===void 0?new Uint8Array(0):fromBase64(content.base64)}function fromBase64(text){let letters2=atob(text),bytes=new Uint8Array(
letters2.length);for(let at=0;at<letters2.length;at++)bytes[at]=letters2.charCodeAt(at);return bytes}function isWhole(content){
return content.kept===void 0&&(content.text!==void 0||content.base64!==void 0||!(content.len??content.wire_len))}var CODING="content-encoding",FRAMING=new Set(["content-length","transfer-encoding",CODING,"trailer","expect"]),NotRepeatable=class extends Error{};
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
: ${value}`:`${name};`),...absent.map(name=>`${name}:`)].flatMap(line=>["-H",word(line)])}function dataOf(request2){if(!isFramed(
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
${checks.map(line=>`    ${line}
`).join("")}`}function nameOf(request2){return`test_${`${request2.method} ${pathOf(request2.target??"")}`.toLowerCase().
replace(/[^a-z0-9]+/g,"_").replace(/^_+|_+$/g,"").slice(0,NAME_MAX).replace(/_+$/,"")}`}function sentOf(request2){let body=bytesOfContent(
request2.body),lines=fieldsToSend(request2).map(([name,value])=>`${name}: ${value}`),pieces=[];return isChunked(request2)?
(lines.push("Transfer-Encoding: chunked"),body.length&&pieces.push(encoder3.encode(`${body.length.toString(16)}\r
`),...slices(body),encoder3.encode(`\r
`)),pieces.push(encoder3.encode(`0\r
\r
`))):(isFramed(request2)&&lines.push(`Content-Length: ${body.length}`),pieces.push(...slices(body))),[...[`${request2.method}\
 ${request2.target} HTTP/${request2.version}`,...lines,""].map(line=>encoder3.encode(`${line}\r
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
letter===mark?made+=`\\${mark}`:made+=byte>=32&&byte<127?letter:`\\x${byte.toString(16).padStart(2,"0")}`}return`b${mark}${made}${mark}`}var Fault=class extends Error{constructor(words,start=null,end=0){super(words);this.start=start;this.end=end}start;end};var EACH=Symbol("*"),Between=class{constructor(first,last){this.first=first;this.last=last}first;last};function*comparisons(node){
if(node.type==="comparison")yield node;else for(let part of node.type==="not"?[node.part]:node.parts)yield*comparisons(part)}
function depth(node){return node.type==="comparison"?1:1+Math.max(...(node.type==="not"?[node.part]:node.parts).map(depth))}var FIRST=/^[A-Za-z_][\w-]*/,REST=/\.(?<word>[\p{L}\p{N}_$*-]+)|\.(?<string>"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*')|\[\s*(?:(?<index>\d+|\*)|(?<inside>"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*'))\s*\]/gu,
ESCAPE=/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[\s\S])/gu,ESCAPES={n:`
`,r:"\r",t:"	",0:"\0","\\":"\\",'"':'"',"'":"'","/":"/"},INDEX_DIGITS_MAX=9;function unquoted2(text){return text.slice(1,
-1).replace(ESCAPE,(whole2,code)=>{let known=ESCAPES[code];if(known!==void 0)return known;let number=code.length>1&&/^[xuU]/.
test(code)?parseInt(code.slice(1),16):NaN;if(!(number<1114112))throw new Fault(`there is no escape ${whole2}; \\\\ is a ba\
ckslash`);return String.fromCodePoint(number)})}function quoted(text){return`"${text.replace(/["\\]/g,"\\$&").replace(/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu,
letter=>{let code=letter.codePointAt(0),digits=code.toString(16);return code<256?`\\x${digits.padStart(2,"0")}`:code<65536?
`\\u${digits.padStart(4,"0")}`:`\\U${digits.padStart(8,"0")}`})}"`}var Names=class{constructor(description){this.description=
description;this.fields=new Map(description.fields.map(field2=>[field2.condition,field2]))}description;fields;understood(text,start){
let pieces=this.pieces(text,start),words=[];for(let{part}of pieces){if(typeof part!="string")break;words.push(part)}for(let count=words.
length;count>0;count--){let name=words.slice(0,count).join(".");if(Object.hasOwn(this.description.instead,name))break;let condition=Object.
hasOwn(this.description.names,name)?this.description.names[name]:void 0,field2=condition===void 0?void 0:this.fields.get(
condition);if(field2)return this.withKey(field2,text,start,pieces,count)}throw this.unknown(words,start,pieces)}pieces(text,start){
let first=FIRST.exec(text)[0],pieces=[{part:first,isLiteral:!1,end:first.length}];for(let found of text.slice(first.length).
matchAll(REST)){let{word:word2,string,index,inside}=found.groups,end=first.length+found.index+found[0].length;if(word2===
"*"||index==="*")pieces.push({part:EACH,isLiteral:!1,end});else if(index!==void 0)pieces.push({part:index.length<=INDEX_DIGITS_MAX?
Number(index):index,isLiteral:!1,end});else if(word2!==void 0)pieces.push({part:word2,isLiteral:!1,end});else try{pieces.
push({part:unquoted2(string??inside),isLiteral:!0,end})}catch(error){throw error instanceof Fault?new Fault(error.message,
start,start+text.length):error}}return pieces}withKey(field2,text,start,pieces,used){let rest=pieces.slice(used).map(({part})=>part),
made={field:field2,key:null,path:[],text};if(!rest.length)return made;if(field2.keys==="path")return{...made,path:rest[0]===
"$"&&!pieces[used].isLiteral?rest.slice(1):rest};if(field2.keys==="name"&&rest[0]!==EACH)return{...made,key:rest.map(part=>part===
EACH?"*":String(part)).join(".")};throw new Fault(`${field2.name} has no parts${this.beginningWith(field2.name)}`,start,
start+text.length)}unknown(words,start,pieces){let name=words.join("."),end=start+pieces[words.length-1].end;for(let[other,
use]of Object.entries(this.description.instead))if(`${name}.`.startsWith(`${other}.`))return new Fault(`there is no fiel\
d ${other}; use ${use}`,start,end);let own=this.description.fields.map(field2=>field2.name),near=nearest(name.toLowerCase(),
own);if(near)return new Fault(`there is no field ${name}; did you mean ${near}?`,start,end);let group=words.length>1?this.
beginningWith(words[0]):"";return new Fault(`there is no field ${name}${group||`; there are ${own.join(", ")}`}`,start,end)}beginningWith(group){
let found=this.description.fields.map(field2=>field2.name).filter(name=>name.startsWith(`${group}.`));return found.length?
`; there are ${found.join(", ")}`:""}};function nearest(text,words){let best=words.map(word2=>[distance(text,word2),word2]).
sort((one,other)=>one[0]-other[0])[0];return best&&best[0]<=Math.max(1,Math.floor(text.length/3))?best[1]:null}function distance(one,other){
let row=Array.from({length:other.length+1},(_,at)=>at);for(let at=1;at<=one.length;at++){let next=[at];for(let to=1;to<=
other.length;to++){let changed=row[to-1]+(one[at-1]===other[to-1]?0:1);next.push(Math.min(changed,row[to]+1,next[to-1]+1))}
row=next}return row[other.length]}function bytesOf(text){return text.includes(":")?ofV6(text):ofV4(text)}function ofV4(text){let parts=text.split(".");return parts.
length!==4?null:parts.every(part=>/^(0|[1-9][0-9]{0,2})$/.test(part)&&Number(part)<256)?parts.map(Number):null}function ofV6(text){
let[address="",scope,more]=text.split("%");if(more!==void 0||scope==="")return null;let halves=address.split("::");if(halves.
length>2)return null;let groups=halves.map(half=>half===""?[]:half.split(":")),last=groups[groups.length-1],inside=last.
length&&last[last.length-1].includes(".")?ofV4(last.pop()):[];if(inside===null)return null;inside.length&&last.push(...[
0,2].map(at=>(inside[at]<<8|inside[at+1]).toString(16)));let count=groups.reduce((sum,each)=>sum+each.length,0);if(halves.
length===2?count>7:count!==8)return null;let zeros=Array(8-count).fill("0"),all=halves.length===2?[...groups[0],...zeros,
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
ms, 1.5s or 2m");let parts=[...text.matchAll(new RegExp(PART_NS,"g"))];return parts.length?parts.reduce((sum,[,number,unit])=>sum+
rounded(number,UNITS_NS[unit]),0):rounded(text,UNITS_NS.s)}function size(text){let found=SIZE.exec(text);if(!found)throw new NoValue(
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
"term"){let start=/^(\(|!(?![=~])|not\b(?![.-]))/i.exec(rest);if(start&&(!/^not$/i.test(start[0])||!isLast(start[0]))){at+=
start[0].length;continue}let name=/^[A-Za-z_][\w.-]*/.exec(rest)?.[0];if(name===void 0||isLast(name))return ofFields(name??
"",at,description);field2=fieldOf(name,byName,description),at+=name.length,state="operator"}else if(state==="operator"){
let operator=OPERATOR.exec(rest)?.[0];if(operator===void 0){if(/^(and|or|&&|\|\||\))/i.test(rest)){state="join";continue}
return{from:at,items:ofOperators(field2,rest)}}at+=operator.length,state=/in$/i.test(operator)?"set":"value"}else if(state===
"value"||state==="set"){if(state==="set"&&/^[{([,]/.test(rest)){at++;continue}let value=VALUE.exec(rest)?.[0]??rest;if(isLast(
value))return{from:at,items:ofValues(field2,value,seen)};at+=value.length;let next=/^\s*[,\])}]/.exec(text.slice(at));state===
"set"&&next?at+=next[0].length:state="join"}else{let join=/^(and\b|or\b|&&|\|\||\)|[}\]])/i.exec(rest)?.[0];if(join===void 0||
isLast(join)&&/^[a-z]/i.test(join))return{from:at,items:ofJoins(rest)};at+=join.length,state=/^[)}\]]/.test(join)?"join":
"term"}}return state==="term"?ofFields("",at,description):state==="operator"?{from:at,items:[...ofOperators(field2,""),...ofJoins(
"")]}:state==="join"?{from:at,items:ofJoins("")}:{from:at,items:ofValues(field2,"",seen)}}function fieldOf(name,byName,description){
let words=name.split(".");for(let count=words.length;count>0;count--){let condition=description.names[words.slice(0,count).
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
"one"?String(value):/^[\w/.:-]+$/.test(value)&&!/\.\./.test(value)&&field2.kind!=="any"?value:quoted(value)}var NoPattern=class extends Error{},DIGIT="\\p{Nd}",WORD="\\p{L}\\p{N}_",SPACE="\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200\
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
\\s\\S])",Z:END,b:BOUNDARY,B:NO_BOUNDARY};if(letter in places){this.at+=2,this.out.push(places[letter]);return}let set=SETS[letter];
if(set){this.at+=2,this.out.push(`[${set[1]?"^":""}${set[0]}]`);return}this.out.push(this.character(!1))}character(isInSet){
let rest=this.text.slice(this.at),code=/^\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(0[0-7]{0,2}|[1-3][0-7]{2}))/.
exec(rest);if(code){this.at+=code[0].length;let number=code[4]===void 0?parseInt(code[1]??code[2]??code[3],16):parseInt(
code[4],8);if(number>1114111)throw new NoPattern(`${code[0]} is no character`);return`\\u{${number.toString(16)}}`}let letter=String.
fromCodePoint(rest.codePointAt(1)??0);if(this.at+=1+letter.length,letter in CONTROLS)return CONTROLS[letter];if(isInSet&&
letter==="b")return"\\x08";if(/^[A-Za-z0-9]$/.test(letter))throw new NoPattern(`\\${letter} is not possible in the page`);
return/^[\^$\\.*+?()[\]{}|/-]$/.test(letter)?letter==="-"&&!isInSet?"-":`\\${letter}`:letter}set(){let{text}=this,at=this.
at+1,isNegated=text[at]==="^";isNegated&&at++,this.at=at;let inside=[],negative=[],isFirst=!0;for(;;isFirst=!1){let letter=text[this.
at]===void 0?"":String.fromCodePoint(text.codePointAt(this.at));if(!letter)throw new NoPattern("a set, which begins with\
 [, has no end");if(letter==="]"&&!isFirst)break;if(letter==="\\"){let set=SETS[text[this.at+1]??""];set?(this.at+=2,(set[1]?
negative:inside).push(set[0])):inside.push(this.character(!0));continue}this.at+=letter.length,letter==="-"?inside.push(
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
isJoined=!0,add(next());return isJoined?this.bounded({type,parts}):first}term(){let isNegated=!1,count=0;for(;this.take(
"not");)isNegated=!isNegated,count++;let node=this.plain();return count?node.type==="not"?isNegated?node.part:node:isNegated?
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
first),first));return comparison(name,operator,values)}members(){let ends={"{":"}","(":")","[":"]"};this.skip();let end=ends[this.
text[this.at]??""];if(end===void 0)return[this.member()];this.at++;let found=[this.member()];for(;;){let hasComma=this.takeLetter(
",");if(this.takeLetter(end))return found;if(!hasComma&&!this.peek("raw")&&!this.peek("string")&&!this.peek("word"))throw this.
expected(end);found.push(this.member())}}member(){let first=this.take("raw","string","word");if(!first)throw this.expected(
"a value");if(!this.take("dots"))return[first,null];let last=this.take("raw","string","word");if(!last)throw this.expected(
"a value");return[first,last]}};function comparison(name,operator,values){return{type:"comparison",name,operator,values}}
function fault(token,words){return new Fault(words,token.start,token.start+token.text.length)}function writtenOf(token){
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
every(end=>typeof end=="number"))throw fault(token,"a range goes from one number to another, as in 500..599");let[from,to]=ends;
if(from>to)throw fault(token,"the range is empty: its first value comes first");return new Between(from,to)}function checkKey(name,field2){
if(name.field.keys==="name"&&name.key===null){let example=name.field.condition==="query"?"id":"content-type";throw fault(
field2,`${name.text} needs a name, as in ${name.text}.${example}`)}}function usable(name){let words=[...operatorsOf(name.
field.kind),...name.field.kind==="flag"?[]:["in"]];return`${words.slice(0,-1).join(", ")} and ${words[words.length-1]}`}function isExchange(line){return line.kind==="exchange"}var NOTHING=[];function milliseconds(time2){if(time2===null)return null;let seconds=Date.parse(`${time2.slice(0,19)}Z`);
return Number.isNaN(seconds)?null:seconds+ +`0${time2.slice(19,-1)}`*1e3}var Ends=class{known=new Map;of(end){let key=`${end.
ip} ${end.port} ${end.pid??""} ${end.comm??""} ${end.exe??""}`,found=this.known.get(key);return found||(this.known.size>
2e4&&this.known.clear(),this.known.set(key,end),end)}};function rowOf(line,seq,ends){return isExchange(line)?ofExchange(
line,seq,ends):ofMessage(line,seq,ends)}function ofExchange(line,seq,ends){let{request:request2,response,grpc}=line,authority=request2?
authorityOf(request2):"",name=grpc&&grpc.service!==null?`${grpc.service}/${grpc.method??""}`:null;return{seq,id:line.id,
isMessage:!1,kind:"",sender:"",time:milliseconds(line.time),connection:line.connection,interface:line.interface,stream:line.
stream??null,client:ends.of(line.client),server:ends.of(line.server),hasRequest:request2!==null,method:request2?.method??
"",target:request2?.target??"",version:request2?.version??"",authority,host:authority?hostOf(authority):"",hasResponse:response!==
null,status:response?response.status??0:null,contentType:response?(field(response.headers,"content-type").split(";")[0]??
"").trim():"",requestBytes:request2?request2.body.wire_len:null,responseBytes:response?response.body.wire_len:null,timing:line.
timing,complete:line.complete,pushed:line.pushed===!0,retransmissions:line.retransmissions??0,problems:line.problems.length?
line.problems:NOTHING,protocols:protocolsOf(line),reset:line.reset??null,tcp:tcpOf(line),culprit:line.culprit?.word??null,
call:grpc?{name,service:grpc.service,status:grpc.status,statusName:grpc.status_name}:null,isSecure:line.tls!==void 0,pinned:!1}}
function tcpOf({tcp}){return tcp===void 0?null:{retransmitted:[tcp.client,tcp.server].reduce((sum,end)=>sum+(end?.retransmitted_bytes??
0),0),drops:tcp.drops?.length??0}}function ofMessage(line,seq,ends){return{seq,id:line.exchange,isMessage:!0,kind:line.type??
line.kind,sender:line.from,time:milliseconds(line.time),connection:line.connection,interface:line.interface,stream:null,
client:ends.of(line.client),server:ends.of(line.server),hasRequest:!1,method:"",target:"",version:"",authority:"",host:"",
hasResponse:!1,status:null,contentType:"",requestBytes:line.wire_len??0,responseBytes:null,timing:{},complete:!0,pushed:!1,
retransmissions:0,problems:line.problems.length?line.problems:NOTHING,protocols:[line.protocol],reset:null,tcp:null,culprit:null,
call:null,isSecure:!1,pinned:!1}}function nanoseconds(seconds){return seconds===void 0?null:Math.round(seconds*1e9)}var VALUES_MAX=1e4,OF_LINE=new Set(["header","body","json"].flatMap(name=>[name,`request_${name}`,`response_${name}`]).concat(
"text")),request=get=>({row})=>row.hasRequest?get(row):null,processes=(member,...ends)=>({row})=>ends.map(end=>row[end][member]).
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
row})=>row.sender,type:({row})=>row.kind,text:({line})=>textsOf([line]),body:({line})=>textsOf([line]),size:({row})=>row.
requestBytes,protocol:({row})=>row.protocols,problems:({row})=>row.problems};function getOfExchange(name){let{condition,
ofMessage:ofMessage2,many}=name.field;if(ofMessage2)return()=>many?[]:null;if(condition==="query")return({row})=>row.hasRequest?
queried(row.target,name.key):[];let found=CONDITIONS[condition];if(found)return found;let[half,what]=condition.startsWith(
"request_")?["request",condition.slice(8)]:condition.startsWith("response_")?["response",condition.slice(9)]:[null,condition],
halves=half?[half]:["request","response"],messages=({line})=>halves.map(each=>line[each]).filter(each=>each!==null);if(what===
"header"){let wanted=name.key?.toLowerCase();return subject=>messages(subject).flatMap(message=>message.headers).filter(
([each])=>wanted===void 0||each.toLowerCase()===wanted).map(([,value])=>value)}if(what==="body")return subject=>messages(
subject).flatMap(message=>textOf2(message.body,charsetOf(message.headers)));if(what==="json")return subject=>messages(subject).
flatMap(message=>jsonOf(message.body,name.path));throw new Error(`there is no condition ${condition}`)}function getOfMessage(name,ofConnection){
let{condition,many}=name.field;if(condition==="json")return({line})=>jsonOf(line,name.path);let own=OF_MESSAGE[condition];
if(own)return own;let get=getOfExchange(name);return ofConnection.includes(condition)?get:({opener})=>opener===null||OF_LINE.
has(condition)?many?[]:null:get({row:opener,line:null,opener:null})}function queried(target,name){return parameters(target).
filter(([each])=>name===null||each===name).map(([,value])=>value)}function textsOf(messages){return messages.flatMap(message=>textOf2(
message,"utf-8"))}function charsetOf(fields){let kind=fields.find(([name])=>name.toLowerCase()==="content-type")?.[1]??"";
return/;\s*charset\s*=\s*"?([\w.:-]+)/i.exec(kind)?.[1]?.toLowerCase()??"utf-8"}function textOf2(content,charset){if(content.
text!==void 0&&/^(utf-?8|us-ascii|ascii)$/.test(charset))return[content.text];let bytes=bytesOfContent(content);return bytes.
length?[decoded2(bytes,charset)]:[]}function decoded2(bytes,charset){let name=charset.replace(/[-_]/g,"");return["latin1",
"iso88591","l1"].includes(name)?letters(bytes,256):["ascii","usascii"].includes(name)?letters(bytes,128):decoderOf(charset).
decode(bytes)}function letters(bytes,end){let made="";for(let byte of bytes)made+=byte<end?String.fromCharCode(byte):"\uFFFD";
return made}function decoderOf(charset){try{return new TextDecoder(charset,{ignoreBOM:!0})}catch{return new TextDecoder(
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
last}var HIDDEN=/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufe00-\ufe0f]|[\u{e0100}-\u{e01ef}]/gu,
MARKS=/(\p{M}{3})\p{M}+/gu;function escaped(letter){if(letter===`
`||letter==="	")return letter;let code=letter.codePointAt(0);return code<256?`\\x${code.toString(16).padStart(2,"0")}`:`\
\\u{${code.toString(16)}}`}function shown(text){return/^[\x20-\x7e]*$/.test(text)?text:text.replace(HIDDEN,escaped).replace(
MARKS,"$1")}var UUID="[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",NUMBER2="[+-]?\\d+(?:\\.\\d+)?",HASH="\
(?=[0-9a-fA-F]*\\d)[0-9a-fA-F]{7,128}",TOKEN="(?=[\\w~-]*\\d)(?=[\\w~-]*[A-Z])[\\w~-]{16,256}",SEGMENT=new RegExp(`(?<=/\
)(?:(${UUID})|(${NUMBER2})|(${HASH}|${TOKEN}))(?=[/:]|$)`,"g"),PATH_MAX=512;function routeOf(row){if(row.call?.name)return row.
call.name;if(!row.hasRequest)return"(not seen)";let{authority,path:path2}=split(row.target);return`${row.method} ${(path2||
authority||"/").slice(0,PATH_MAX).replace(SEGMENT,(_,uuid,number)=>uuid?"{uuid}":number?"{id}":"{hash}")}`}0&&(module.exports={Ends,asCurl,asHar,asPytest,filterOf,routeOf,rowOf,shown,suggestions});
